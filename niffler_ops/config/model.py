"""Config: both files and the options in one frozen value."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ConfigDict

from niffler_ops.config.extraction import ExtractionKeys
from niffler_ops.config.keys import describe
from niffler_ops.config.operation import OperationKeys
from niffler_ops.config.query import QUERIES
from niffler_ops.config.system import SystemKeys


class Config(ExtractionKeys, OperationKeys, SystemKeys):
    """Everything an extraction is told: the keys of both files, each under its name in snake case.

    Seconds are floats, paths absolute. `notes` are for the operator: what was accepted without effect.
    """

    model_config = ConfigDict(frozen=True, defer_build=True)

    config_file: Path
    system_file: Path
    notes: tuple[str, ...] = ()

    @property
    def columns(self) -> Mapping[str, int]:
        """The CSV column of each attribute asked for, by keyword."""
        return {
            keyword: getattr(self, attribute) for attribute, keyword in QUERIES[self.extraction_type].items()
        }

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
    *describe(ExtractionKeys, "config.json"),
)
"""Every key of both files, in the order of the documentation."""


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
