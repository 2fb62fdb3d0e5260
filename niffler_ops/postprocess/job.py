"""A job: the files of one study for one post-processor; what comes of it; and both as JSON for a worker."""

import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self


class Processor(StrEnum):
    """What may be made of a study, by the names of PostProcessors; and the tables of all studies."""

    METADATA = "metadata"
    PNG = "png"
    DEIDENTIFY = "deidentify"
    COMMAND = "command"
    TABLES = "tables"


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Everything that a post-processor is told, as text that JSON can hold.

    `root` is the folder of the originals, `output` OutputFolder; `private` holds what leads back to people,
    `secret` is the file behind the pseudonyms. `store` is a URL, `featuresets` are files or folders of them;
    metadata.csv has their attributes, with `everything` all public ones, with `common` those of every file.
    Pictures of `bits` and `values` stand at the level `flatten`, at most `files_per_folder` (0: any number).
    `fingerprint` is the secret's and `edition` OutputFolder's, once it is claimed (`claim.py`); `filling` is
    the store's, where it was found to have lost records (`filling.py`).
    """

    root: str
    output: str
    private: str
    secret: str
    options: tuple[str, ...] = ()
    store: str = ""
    featuresets: tuple[str, ...] = ()
    bits: int = 8
    values: str = "display"
    scaling: str = "full"
    aspect: str = "state"
    flatten: str = "series"
    files_per_folder: int = 0
    device_recipes: str = ""
    draw: bool = True
    everything: bool = False
    common: bool = False
    parquet: bool = False
    command: tuple[str, ...] = ()
    fingerprint: str = ""
    edition: str = ""
    filling: str = ""

    @classmethod
    def read(cls, values: dict[str, Any]) -> Self:
        """The settings that `asdict` gave, from JSON."""
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**given)


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """`name` tells the study and names what is written about it; `files` are absolute paths, in order.

    `copy` above 0 is a second attempt beside one that is under way elsewhere. A job that `adds` may lack
    files of the study that are gone: what was made of other instances before stays.
    """

    name: str
    processor: Processor
    files: tuple[str, ...]
    settings: Settings
    copy: int = 0
    adds: bool = False

    def written(self) -> bytes:
        """The job file."""
        return json.dumps(asdict(self)).encode("utf-8", "surrogateescape")

    @classmethod
    def load(cls, path: Path) -> Self:
        """The job in a job file."""
        values = json.loads(path.read_bytes().decode("utf-8", "surrogateescape"))
        return cls(
            name=values["name"],
            processor=Processor(values["processor"]),
            files=tuple(values["files"]),
            settings=Settings.read(values["settings"]),
            copy=values.get("copy", 0),
            adds=values.get("adds", False),
        )


class Verdict(StrEnum):
    """What became of a job."""

    DONE = "done"  # every file was worked on; `held` of them came to nothing and are in failures.csv
    LATER = "later"  # what it needs is not there now, such as the store; it costs no attempt
    FAILED = "failed"  # or its worker died
    UNTOUCHED = "untouched"  # its worker ended before it came to it


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The verdict on a job; `reason` holds no identifier."""

    verdict: Verdict
    files: int = 0
    held: int = 0
    reason: str = ""

    def line(self, number: int) -> str:
        """The line that a worker prints about the job with this number of its command line, 1 the first."""
        return json.dumps({"job": number, **asdict(self)})

    @classmethod
    def parse(cls, line: str) -> tuple[int, Self] | None:
        """Number and outcome in a worker's line; None where the line is none."""
        try:
            values = json.loads(line)
            return int(values.pop("job")), cls(verdict=Verdict(values.pop("verdict")), **values)
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


UNTOUCHED = Outcome(verdict=Verdict.UNTOUCHED)


def job_files(folder: Path, jobs: int) -> list[Path]:
    """Where so many jobs of a worker stand in its folder."""
    return [folder / f"{number}.job" for number in range(1, jobs + 1)]
