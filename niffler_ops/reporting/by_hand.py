"""The dcm4che command that a person would run to repeat what the supervisor did."""

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from niffler_ops.dicomtools.movescu import movescu_arguments
from niffler_ops.dicomtools.timeouts import Timeouts
from niffler_ops.ledger.tracing import TracedRow, TracedStudy, Tracing
from niffler_ops.model import Peer
from niffler_ops.querying import level_of

HIDDEN = "…"


def retrieve_by_hand(tracing: Tracing, study: TracedStudy, *, identifiers: bool) -> str:
    """The movescu that asks for the study as a whole, or for its wanted series; "" before any has run.

    Tool and AE titles are those of the newest movescu that asked the archive which was asked last.
    """
    archive = study.attempted[-1].archive if study.attempted else study.archive
    command = tracing.latest_command("movescu", "-c", archive)
    if not command:
        return ""
    arguments = movescu_arguments(
        archive=_peer(archive),
        calling_aet=_value(command, "-b"),
        destination=_value(command, "--dest"),
        level="STUDY" if study.whole else "SERIES",
        query_files=[Path(HIDDEN)],  # there is none: the keys stand on the command line instead
        timeouts=Timeouts(),
    )
    keys = {"StudyInstanceUID": study.study_instance_uid}
    if not study.whole:
        keys["SeriesInstanceUID"] = "\\".join(study.series)
    return _joined(command, [*arguments[: arguments.index("--")], *_matching(keys, identifiers=identifiers)])


def query_by_hand(tracing: Tracing, row: TracedRow, *, identifiers: bool) -> str:
    """The findscu that asks for a row by its keys of study level; "" before any has run."""
    words = ("-c", row.archive) if row.archive else ("-c",)
    command = tracing.latest_command("findscu", *words)
    if not command or not row.keys:
        return ""
    keys = {keyword: value for keyword, value in row.keys.items() if level_of(keyword) == "STUDY"}
    arguments = ["-c", _value(command, "-c"), "-b", _value(command, "-b"), "-L", "STUDY"]
    return _joined(command, [*arguments, *_matching(keys, identifiers=identifiers), "-r", "StudyInstanceUID"])


def destination_of(command: str) -> str:
    """The AE title that a movescu command line sends to."""
    return _value(shlex.split(command), "--dest")


def _joined(command: tuple[str, ...], arguments: list[str]) -> str:
    tool = command[: command.index("-c")]
    return shlex.join([*tool, *arguments])


def _matching(keys: Mapping[str, str], *, identifiers: bool) -> Iterable[str]:
    for keyword, value in keys.items():
        yield from ("-m", f"{keyword}={value if identifiers else HIDDEN}")


def _value(command: Iterable[str], option: str) -> str:
    words = iter(command)
    return next((next(words, "") for word in words if word == option), "")


def _peer(archive: str) -> Peer:
    """The archive whose text this is."""
    address, _, port = archive.rpartition(":")
    aet, _, host = address.partition("@")
    return Peer(aet=aet, host=host, port=int(port))
