"""Where post-processors write: OutputFolder for what leaves identity behind, a private folder besides."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from niffler_ops.postprocess.job import Settings

TABLES = ("metadata", "mapping", "failures", "linking")
MADE = "made"
FRAGMENTS = "fragments"


@dataclass(frozen=True, slots=True)
class Places:
    """The files and folders of one OutputFolder and what is private to it."""

    output: Path
    private: Path
    policy: str = ""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The places that the settings name; rows that another policy made are never mixed in."""
        secret = settings.fingerprint or settings.secret
        told = "\0".join([settings.output, settings.edition, secret, *sorted(settings.options)])
        policy = hashlib.sha256(told.encode("utf-8", "surrogateescape")).hexdigest()[:12]
        return cls(Path(settings.output), Path(settings.private), policy)

    @property
    def images(self) -> Path:
        """PNG files."""
        return self.output / "images"

    @property
    def dicom(self) -> Path:
        """De-identified DICOM files."""
        return self.output / "dicom"

    def table(self, name: str) -> Path:
        """A CSV table; the one that leads back to people is private."""
        return (self.private if name == "linking" else self.output) / f"{name}.csv"

    def fragments(self, table: str, processor: str) -> Path:
        """Where a post-processor leaves its rows of a table, a file for each job."""
        return self.private / FRAGMENTS / self.policy / table / processor

    def marker(self, processor: str, job: str, *, copy: int = 0) -> Path:
        """Which file of a job is being worked on, for whoever takes it up after a crash."""
        return self.markers / (f"{processor}-{job}-{copy}" if copy else f"{processor}-{job}")

    @property
    def markers(self) -> Path:
        """The markers of all jobs."""
        return self.private / FRAGMENTS / "markers"
