"""The keys of config.json, set for each extraction."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from niffler_ops.config.filing import Filing
from niffler_ops.config.kinds import Maybe, Part, Place
from niffler_ops.model import Listing, Shard
from niffler_ops.patterns import FilePattern

DEFAULT_FILE_PATH = "{00100020}/{0020000D}/{0020000E}/{00080018}.dcm"


class ExtractionKeys(BaseModel):
    """What is retrieved, by which list, and where to."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    storage_folder: Annotated[Path, Place("a folder")] = Field(
        alias="StorageFolder",
        description="Where the retrieved files and everything about this extraction go; "
        "another folder is another extraction",
        examples=["/data/new-study"],
    )
    filing: Annotated[FilePattern | Listing, Filing()] = Field(
        DEFAULT_FILE_PATH,
        validate_default=True,
        alias="FilePath",
        description="Where in StorageFolder an instance is filed, in dcm4che's pattern language: "
        "`{ggggeeee}` or `{keyword}` for an attribute, `{StudyDate,date,yyyy/MM}` for a date in folders, "
        "`{00080018,md5}` for a digest, and more in docs/filepath.md. `CFIND-ONLY` and `CFIND-DETAILED` list "
        "instead of retrieving",
        examples=["{PatientID}/{StudyDate}-{StudyInstanceUID}/{SOPInstanceUID}.dcm"],
    )
    csv_file: Annotated[Path, Place("a CSV file")] = Field(
        alias="CsvFile",
        description="The list of what to retrieve: a header line, then one query a line",
        examples=["new-study.csv"],
    )
    shard: Annotated[Shard | None, Maybe(Part())] = Field(
        None,
        alias="Shard",
        description="One of several parts of the list, for several machines that share the work: each has a "
        "StorageFolder and a QueryAet of its own, and `--shard` on its command line",
        examples=["1/4"],
    )
    niffler_system: Annotated[Path | None, Place("a system file")] = Field(
        None,
        alias="NifflerSystem",
        description="The system file of this extraction; by default system.json beside this file",
        examples=["system.json"],
    )
