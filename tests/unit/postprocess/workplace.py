"""A folder of originals, what is private to it, and an OutputFolder: where post-processors are tried."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from niffler_ops.postprocess.context import context_of
from niffler_ops.postprocess.job import Job, Outcome, Processor, Settings
from niffler_ops.postprocess.running import run
from tests.support.dicomfiles import encode, image

NAME = "study"
SECRET = "P1"  # the Patient ID of every original


@dataclass(frozen=True, slots=True)
class Workplace:
    """`put` makes originals, `run` does a job in this process."""

    root: Path
    output: Path
    private: Path

    def settings(self, **changed: Any) -> Settings:
        """Settings for this place."""
        usual: dict[str, Any] = {
            "root": str(self.root),
            "output": str(self.output),
            "private": str(self.private),
            "secret": str(self.private / "pseudonym.key"),
            "store": f"sqlite:///{self.private}/metadata.sqlite",
        }
        return Settings(**usual | changed)

    def put(self, name: str, dataset: Dataset | bytes) -> str:
        """Make an original; gives its path."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dataset if isinstance(dataset, bytes) else encode(dataset))
        return str(path)

    def instance(self, number: int, **elements: Any) -> str:
        """Make the instance with this number; gives its path."""
        return self.put(f"{number}.dcm", picture(SOPInstanceUID=f"1.2.3.{number}", **elements))

    def job(
        self, processor: Processor, *files: str, name: str = NAME, adds: bool = False, **changed: Any
    ) -> Job:
        """A job for these files."""
        return Job(name=name, processor=processor, files=files, settings=self.settings(**changed), adds=adds)

    def run(self, processor: Processor, *files: str, name: str = NAME, **changed: Any) -> Outcome:
        """Do a job for these files."""
        job = self.job(processor, *files, name=name, **changed)
        try:
            return run(job)
        finally:
            if processor is Processor.METADATA:
                context_of(job.settings).store.close()

    def table(self, name: str) -> list[dict[str, str]]:
        """The lines of a table; linking.csv is private."""
        path = (self.private if name == "linking" else self.output) / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as stream:
            return list(csv.DictReader(stream))

    def made(self, suffix: str) -> list[str]:
        """The files in OutputFolder with this suffix, below it."""
        return sorted(str(path.relative_to(self.output)) for path in self.output.rglob(f"*{suffix}"))


def picture(**elements: Any) -> Dataset:
    """A small picture that may be passed on."""
    return image(**{"BitsStored": 16, "HighBit": 15, "Modality": "CT", **elements})
