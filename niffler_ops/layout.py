"""Where everything of an extraction stands below its StorageFolder."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files of one extraction."""

    storage_folder: Path

    @property
    def private(self) -> Path:
        """All that is ours and not a retrieved image."""
        return self.storage_folder / ".niffler"

    @property
    def ledger(self) -> Path:
        """The SQLite ledger."""
        return self.private / "ledger.sqlite"

    @property
    def incoming(self) -> Path:
        """Where storescp writes."""
        return self.private / "incoming"

    @property
    def arranging(self) -> Path:
        """Where a study's tree is put together before it appears at its final path."""
        return self.private / "arranging"

    @property
    def unexpected(self) -> Path:
        """What arrived and nobody asked for, or is no whole instance."""
        return self.private / "unexpected"

    @property
    def requests(self) -> Path:
        """Query files and answers of running tools; removed after use."""
        return self.private / "requests"

    @property
    def logs(self) -> Path:
        """The output of failed tools."""
        return self.private / "logs"

    @property
    def log(self) -> Path:
        """The log that operators read."""
        return self.private / "niffler.log"

    @property
    def report(self) -> Path:
        """One line a CSV row, at the end of a run."""
        return self.private / "report.csv"

    def staged(self, study_name: str, instance_name: str) -> Path:
        """Where storescp puts an instance; both names are dcm4che's digests of the UIDs."""
        return self.incoming / study_name / f"{instance_name}.dcm"

    def folders(self) -> tuple[Path, ...]:
        """The folders that exist while an extraction runs."""
        return (self.private, self.incoming, self.arranging, self.unexpected, self.requests, self.logs)
