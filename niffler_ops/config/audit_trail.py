"""The keys about the audit trail; either file may hold them."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from niffler_ops.config.kinds import Choice, Flag, Maybe


class AuditTrailKeys(BaseModel):
    """Where it is written down who retrieved what."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    audit_trail: Annotated[Literal["file", "syslog"] | None, Maybe(Choice("file", "syslog"))] = Field(
        None,
        alias="AuditTrail",
        description="Where audit messages in the form of DICOM PS3.15 A.5 go: `file` (audit.log in "
        "StorageFolder's .niffler) or `syslog`; by default none are written",
        examples=["syslog"],
    )
    audit_identifiers: Annotated[bool, Flag()] = Field(
        False,  # noqa: FBT003  pydantic takes the default first
        alias="AuditIdentifiers",
        description="Whether audit messages name studies by their Study Instance UID, and patients by the "
        "PatientID of the CSV; without it by the hash that niffler.log has, and patients not at all",
        examples=[True],
    )
