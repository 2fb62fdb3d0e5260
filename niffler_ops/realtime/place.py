"""Where a receiver keeps what."""

from dataclasses import dataclass
from pathlib import Path

PRIVATE = ".niffler"
INCOMING = "incoming"
RECORD = "receiver.sqlite"


@dataclass(frozen=True, slots=True)
class Place:
    """The folders and files of one receiver, below its StorageFolder."""

    storage_folder: Path

    @property
    def private(self) -> Path:
        """All that is ours and not a received image."""
        return self.storage_folder / PRIVATE

    @property
    def record(self) -> Path:
        """What is on the disk, who sends, what was launched."""
        return self.private / RECORD

    @property
    def journal(self) -> Path:
        """What was read and is not yet in the store."""
        return self.private / "journal.sqlite"

    @property
    def ballast(self) -> Path:
        """Room that is given up when the disk is full."""
        return self.private / "ballast"

    @property
    def incoming(self) -> Path:
        """Where storescp writes: nothing in it has been read."""
        return self.private / INCOMING

    @property
    def leaving(self) -> Path:
        """Where a file is looked at once more before it is deleted."""
        return self.private / "leaving"

    @property
    def requests(self) -> Path:
        """Job files of running workers."""
        return self.private / "requests"

    @property
    def control(self) -> Path:
        """What a running receiver is asked to do."""
        return self.private / "control"

    @property
    def notices(self) -> Path:
        """What people are still to be told."""
        return self.private / "notices"

    @property
    def tables_mark(self) -> Path:
        """It is there while the tables of PassOn lack rows."""
        return self.private / "tables.due"

    @property
    def logs(self) -> Path:
        """The output of tools that failed."""
        return self.private / "logs"

    @property
    def log(self) -> Path:
        """The log that operators read."""
        return self.private / "niffler.log"

    def folders(self) -> tuple[Path, ...]:
        """The folders that exist while a receiver runs."""
        return (self.private, self.incoming, self.leaving, self.requests, self.control, self.logs)
