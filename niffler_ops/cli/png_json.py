"""png.json: the names that people know from Niffler, and what they mean here."""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from niffler_ops.config.commented_json import JsonError, read_object
from niffler_ops.config.kinds import Flag, Whole, absolute
from niffler_ops.errors import ConfigurationError
from niffler_ops.postprocess.outputs import LEVELS

_WITHOUT_EFFECT = {
    "SplitIntoChunks": "the work is divided by itself",
    "Depth": "DICOM files are found at any depth",
    "SendEmail": "the exit status and failures.csv tell what came of it",
    "YourEmail": "the exit status and failures.csv tell what came of it",
}
_REPLACED: Mapping[str, str] = {
    "FlattenedToPatientLevel": '"FlattenedToLevel": "patient"',
    "UseHalfOfTheProcessorsOnly": '"UseProcesses": 0.5',
    "UseProcessors": "UseProcesses",
}
"""Keys that upstream had before 2021, and what they became."""
_FLAGS = ("PrintImages", "CommonHeadersOnly", "PublicHeadersOnly", "SpecificHeadersOnly", "is16Bit")
_KNOWN = ("DICOMHome", "OutputDirectory", "FlattenedToLevel", "UseProcesses", "Featureset", *_FLAGS)
KNOWN = (*_KNOWN, *_WITHOUT_EFFECT, *_REPLACED)
"""Every key that is understood, noted or answered with its successor."""
_MOST_PROCESSES = 256
_FEATURESET = "featureset.txt"  # upstream's, beside its config.json


@dataclass(kw_only=True, slots=True)
class PngJson:
    """What the file says; `notes` tell what has no effect any more; `workers` 0: as many as cores."""

    source: Path | None = None
    output: Path | None = None
    draw: bool = True
    bits: int = 8
    flatten: str = "series"
    workers: int = 0
    common_headers: bool = False
    specific_headers: bool = False
    featuresets: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)


def read_png_json(path: Path) -> PngJson:
    """Read the file. ConfigurationError lists everything that is wrong."""
    try:
        values, problems = read_object(path, str(path))
    except JsonError as error:
        raise ConfigurationError(str(error)) from error
    known = PngJson()
    problems = list(problems)
    for name, value in values.items():
        try:
            _take(known, name, value, path.parent)
        except ValueError as error:
            problems.append(f"{path}: {name}: {error}")
    if problems:
        raise ConfigurationError(*problems)
    beside = path.absolute().parent / _FEATURESET
    if known.specific_headers and not known.featuresets and beside.is_file():
        known.featuresets = (str(beside),)
    return known


def _take(known: PngJson, name: str, value: Any, folder: Path) -> None:
    if name in _WITHOUT_EFFECT:
        known.notes.append(f"{name}: accepted without effect: {_WITHOUT_EFFECT[name]}")
    elif name in _FLAGS:
        _take_flag(known, name, is_set=Flag().read(value))
    elif name == "DICOMHome":
        known.source = absolute(value, folder, "allowed: a folder")
    elif name == "OutputDirectory":
        known.output = absolute(value, folder, "allowed: a folder")
    elif name == "Featureset":
        known.featuresets = (str(absolute(value, folder, "allowed: a featureset file")),)
    elif name == "UseProcesses":
        known.workers = _processes(value)
    elif name == "FlattenedToLevel":
        if value not in LEVELS:
            raise ValueError(f"allowed: {', '.join(LEVELS)}")
        known.flatten = value
    elif name in _REPLACED:
        raise ValueError(f"is now {_REPLACED[name]}")
    else:
        raise ValueError(f"unknown key; allowed: {', '.join((*_KNOWN, *_WITHOUT_EFFECT))}")


def _processes(value: Any) -> int:
    """A number of processes; of a share of the cores, such as 0.5, how many these are."""
    try:
        share = float(value)
    except (TypeError, ValueError):
        share = math.nan
    if 0 < share < 1 and not isinstance(value, bool):
        return max(1, int((os.cpu_count() or 1) * share))
    try:
        return Whole(0, _MOST_PROCESSES).read(value)
    except ValueError as error:
        raise ValueError(f"{error}, or a share of the cores such as 0.5") from error


def _take_flag(known: PngJson, name: str, *, is_set: bool) -> None:
    if name == "PrintImages":
        known.draw = is_set
    elif name == "is16Bit":
        known.bits = 16 if is_set else 8
    elif name == "CommonHeadersOnly":
        known.common_headers = is_set
    elif name == "SpecificHeadersOnly":
        known.specific_headers = is_set
    elif not is_set:
        known.notes.append(f"{name}: accepted without effect: private attributes never leave identity behind")
