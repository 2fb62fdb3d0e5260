"""Config: both files and the options in one frozen value."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationInfo

from niffler_ops.config.audit_trail import AuditTrailKeys
from niffler_ops.config.extraction import DEFAULT_FILE_PATH, ExtractionKeys
from niffler_ops.config.forms import (
    ProblemsError,
    destination_problems,
    key_columns,
    output_beside,
    post_processing_problems,
)
from niffler_ops.config.keys import describe
from niffler_ops.config.kinds import Kind
from niffler_ops.config.notices import NoticeKeys, notice_problems
from niffler_ops.config.operation import OperationKeys
from niffler_ops.config.postprocessing import PostProcessingKeys
from niffler_ops.config.query import QueryKeys
from niffler_ops.config.system import SystemKeys
from niffler_ops.model import Archive, KeyColumn, Listing, Peer
from niffler_ops.patterns import FilePattern


class _Resolved(Kind):
    """What follows from several keys, and everything that is wrong about how they go together."""

    def read_in(self, value: Any, info: ValidationInfo) -> tuple[KeyColumn, ...]:  # noqa: ARG002  a default
        """The columns that the configuration names; ProblemsError for all of Config at once."""
        columns, problems = key_columns(info.data)
        problems += destination_problems(info.data)
        problems += post_processing_problems(info.data)
        problems += notice_problems(info.data)
        if problems:
            raise ProblemsError(problems)
        return columns


class Config(
    PostProcessingKeys, QueryKeys, ExtractionKeys, NoticeKeys, AuditTrailKeys, OperationKeys, SystemKeys
):
    """Everything an extraction is told: the keys of both files, each under its name in snake case.

    Seconds are floats, paths absolute. `notes` are for the operator: what was accepted without effect.
    `key_columns` are the CSV columns that the configuration names; none where the CSV's header names them.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    config_file: Path
    system_file: Path
    notes: tuple[str, ...] = ()
    # The last field, for its value and its errors follow from all others.
    key_columns: Annotated[tuple[KeyColumn, ...], _Resolved()] = Field((), validate_default=True)

    @property
    def keys_in_header(self) -> bool:
        """Whether the CSV's own header says which columns are keys."""
        return self.extraction_type == "header"

    @property
    def columns(self) -> Mapping[str, int]:
        """The CSV column of each attribute that the configuration names, by keyword."""
        return {column.keyword: column.index for column in self.key_columns}

    @property
    def archives(self) -> tuple[Archive, ...]:
        """The archives in the order in which they are asked, each with what it does not set itself."""
        return tuple(
            replace(
                entry,
                calling_aet=entry.calling_aet or self.query_aet.aet,
                destination=entry.destination or self.dest_aet,
            )
            for entry in self.archive_entries
        )

    @property
    def src_aet(self) -> tuple[Peer, ...]:
        """The archives' AE titles and addresses."""
        return tuple(entry.peer for entry in self.archive_entries)

    @property
    def sends_elsewhere(self) -> bool:
        """Whether the images go to another system than ours."""
        return any(archive.destination != self.query_aet.aet for archive in self.archives)

    @property
    def asks_for_instances(self) -> bool:
        """Whether the archive is asked which instances a study has."""
        return self.verify_by == "uid" and not self.sends_elsewhere

    @property
    def listing(self) -> Listing | None:
        """What is listed instead of retrieved; None where studies are retrieved."""
        return self.filing if isinstance(self.filing, Listing) else None

    @property
    def file_path(self) -> FilePattern:
        """Where an instance is filed; the default where nothing is retrieved."""
        return FilePattern.parse(DEFAULT_FILE_PATH) if isinstance(self.filing, Listing) else self.filing

    @property
    def output_folder(self) -> Path:
        """Where what leaves identity behind goes."""
        return self.given_output_folder or output_beside(self.storage_folder)

    def digestible(self) -> dict[str, str]:
        """The effective value of every key as canonical JSON, for the ledger to remember.

        Without NifflerSystem: what the system file says counts, not where it lies.
        """
        return {
            key.name: json.dumps(_plain(getattr(self, key.attribute)), ensure_ascii=False, sort_keys=True)
            for key in KEYS
            if key.name != "NifflerSystem"
        }


KEYS = (
    *describe(SystemKeys, "system.json"),
    *describe(OperationKeys, "either"),
    *describe(NoticeKeys, "either"),
    *describe(AuditTrailKeys, "either"),
    *describe(ExtractionKeys, "config.json"),
    *describe(QueryKeys, "config.json"),
    *describe(PostProcessingKeys, "config.json"),
)
"""Every key of both files, in the order of the documentation."""

DEFINING_KEYS = frozenset(
    {
        "StorageFolder",
        "FilePath",
        "ExtractionType",
        "PatientIndex",
        "AccessionIndex",
        "DateIndex",
        "DateType",
        "NumberOfQueryAttributes",
        "FirstAttr",
        "FirstIndex",
        "SecondAttr",
        "SecondIndex",
        "ThirdAttr",
        "ThirdIndex",
        "DateFormat",
        "LongAccession",
        "RetrieveLevel",
        "Shard",
    }
)
"""The keys that say what is extracted and where to: fixed for the life of a StorageFolder."""


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """One text for each key whose digestible value differs.

    A key that only `after` has, because a newer version made it, differs where it is not at its default.
    """
    absent = {key.name: json.dumps(_plain(key.default_value), ensure_ascii=False) for key in KEYS}
    texts = []
    for name in sorted(before.keys() | after.keys()):
        was = before.get(name, absent.get(name, "null"))
        now = after.get(name, "null")
        if was != now:
            texts.append(f"{name}: was {was}, is {now}")
    return texts


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, tuple):
        return [_plain(entry) for entry in value]
    return str(value)
