"""Where everything of an extraction stands: below its StorageFolder, and with LedgerFolder partly there."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from niffler_ops.files import read_plain

PRIVATE = ".niffler"
POINTER = "ledger-folder"
SNAPSHOT = "status.json"
LONGEST_PATH = 4096


@dataclass(frozen=True, slots=True)
class Layout:
    """The folders and files of one extraction.

    `ledger_folder` is the extraction's own folder for what wants a local disk; None: below StorageFolder.
    """

    storage_folder: Path
    ledger_folder: Path | None = None

    @classmethod
    def found(cls, storage_folder: Path) -> "Layout":
        """The layout of an extraction that exists: its pointer says where the ledger is."""
        try:
            content = read_plain(storage_folder / PRIVATE / POINTER, LONGEST_PATH)
        except (OSError, ValueError):  # the latter for a name that no path can have
            return cls(storage_folder)
        text = content.decode("utf-8", "surrogateescape").rstrip("\n")
        return cls(storage_folder, None if "\0" in text else Path(text))

    @classmethod
    def planned(cls, storage_folder: Path, ledger_folder: Path | None) -> "Layout":
        """The layout that the configuration asks for; several extractions may share a LedgerFolder."""
        if ledger_folder is None:
            return cls(storage_folder)
        digest = hashlib.sha256(str(storage_folder).encode("utf-8", "surrogateescape")).hexdigest()
        return cls(storage_folder, ledger_folder / f"extraction-{digest[:16]}")

    @property
    def was_begun(self) -> bool:
        """Whether a supervisor has worked here, which only the ledger can continue."""
        return self.snapshot.exists()

    @property
    def private(self) -> Path:
        """All that is ours and not a retrieved image."""
        return self.storage_folder / PRIVATE

    @property
    def local(self) -> Path:
        """The ledger and what is on its way: wants a local disk."""
        return self.ledger_folder or self.private

    @property
    def pointer(self) -> Path:
        """Where `ledger_folder` is written down for those who know StorageFolder only."""
        return self.private / POINTER

    @property
    def ledger(self) -> Path:
        """The SQLite ledger."""
        return self.local / "ledger.sqlite"

    @property
    def incoming(self) -> Path:
        """Where storescp writes."""
        return self.local / "incoming"

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
        """Query files and answers of running tools; removed when the run ends."""
        return self.local / "requests"

    @property
    def control(self) -> Path:
        """What the running supervisor is asked to do."""
        return self.private / "control"

    @property
    def logs(self) -> Path:
        """The output of failed tools."""
        return self.private / "logs"

    @property
    def log(self) -> Path:
        """The log that operators read."""
        return self.private / "niffler.log"

    @property
    def snapshot(self) -> Path:
        """What status says, for whoever does not ask it."""
        return self.private / SNAPSHOT

    @property
    def report(self) -> Path:
        """One line a CSV row, at the end of a run."""
        return self.private / "report.csv"

    @property
    def page(self) -> Path:
        """The page of the extraction, at the end of a run."""
        return self.private / "report.html"

    def staged(self, study_name: str, instance_name: str) -> Path:
        """Where storescp puts an instance; both names are dcm4che's digests of the UIDs."""
        return self.incoming / study_name / f"{instance_name}.dcm"

    def folders(self) -> tuple[Path, ...]:
        """The folders that exist while an extraction runs."""
        return (
            self.private,
            self.local,
            self.incoming,
            self.arranging,
            self.unexpected,
            self.requests,
            self.control,
            self.logs,
        )
