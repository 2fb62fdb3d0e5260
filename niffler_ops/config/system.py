"""The keys of system.json, set once for a deployment."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo

from niffler_ops.config.kinds import Flag, Kind, Whole, absolute, base_folder
from niffler_ops.config.network import AeTitle, Archives, Local
from niffler_ops.model import Archive, LocalEntity

EMBEDDED = "embedded"


class Toolkit(Kind):
    """Where storescp, movescu and findscu are."""

    allowed = "`embedded` or the folder that holds storescp, movescu and findscu"

    def read_in(self, value: Any, info: ValidationInfo) -> str:
        """`embedded`, or the folder's absolute path."""
        if isinstance(value, str) and value.strip().casefold() == EMBEDDED:
            return EMBEDDED
        return str(absolute(value, base_folder(info), self.allowed))


class SystemKeys(BaseModel):
    """What an administrator sets once: toolkit, archive, ourselves, and when we may run."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    dcm4che_bin: Annotated[str, Toolkit()] = Field(
        EMBEDDED,
        alias="DCM4CHEBin",
        description="The DICOM toolkit: dcm4che's bin folder, or `embedded`, which needs no Java",
        examples=["/opt/dcm4che-5.22.5/bin"],
    )
    archive_entries: Annotated[tuple[Archive, ...], Archives()] = Field(
        alias="SrcAet",
        description="The archive that is asked and sends the images; or several, each asked for what those "
        "before it did not give",
        examples=["PACS@pacs.example.org:104"],
    )
    query_aet: Annotated[LocalEntity, Local()] = Field(
        alias="QueryAet",
        description="Our own AE title and the port on which we receive; the archive must know both",
        examples=["QBNIFFLER:4243"],
    )
    dest_aet: Annotated[str, AeTitle()] = Field(
        "",
        validate_default=True,
        alias="DestAet",
        description="The AE title that the archive sends to; by default QueryAet's. Another one is another "
        "system, to which the images go",
        examples=["QBNIFFLER"],
    )
    nightly_only: Annotated[bool, Flag()] = Field(
        False,  # noqa: FBT003  pydantic takes the default first
        alias="NightlyOnly",
        description="Query and retrieve only between StartHour and EndHour",
        examples=[False],
    )
    start_hour: Annotated[int, Whole(0, 23, "hour, local time")] = Field(
        21,
        alias="StartHour",
        description="When the night begins, for NightlyOnly; the same as EndHour: always",
        examples=[19],
    )
    end_hour: Annotated[int, Whole(0, 23, "hour, local time")] = Field(
        9,
        alias="EndHour",
        description="When the night ends, for NightlyOnly",
        examples=[7],
    )
    max_niffler_processes: Annotated[int, Whole(1, 64, "extractions")] = Field(
        1,
        alias="MaxNifflerProcesses",
        description="How many extractions may run on this machine at once",
        examples=[2],
    )
