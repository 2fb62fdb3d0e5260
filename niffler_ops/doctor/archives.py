"""Checks `archive` and `move destination`: whether each archive answers us, and would send to us."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from pydicom.uid import generate_uid

from niffler_ops.clock import Clock
from niffler_ops.config import Config
from niffler_ops.dicomtools.failures import FailureClass, classify_status, failure_reason, status_text
from niffler_ops.dicomtools.movescu import MoveLog, movescu_arguments
from niffler_ops.dicomtools.querykeys import query_file
from niffler_ops.dicomtools.timeouts import Timeouts
from niffler_ops.dicomtools.toolkit import Toolkit, find_toolkit
from niffler_ops.doctor.findings import Finding, failure, ok, warning
from niffler_ops.embedded.echo import Echo, echo
from niffler_ops.files import write_private
from niffler_ops.model import Archive
from niffler_ops.processes.calling import Called, call
from niffler_ops.stages.windows import Window

ARCHIVE, DESTINATION = "archive", "move destination"
ECHO_SECONDS = 5.0
MOVE_SECONDS = 30.0
UNABLE = range(0xC000, 0xD000)
TELLS_NOTHING = "whether it would send to us, the first retrieve tells (niffler-cold --first 1)"


def check_archives(config: Config, clock: Clock, *, tools_work: bool) -> Iterator[Finding]:
    """C-ECHO to each archive with the AE title that we call it with; then its move destination, by a tool.

    Outside the hours that NightlyOnly allows no C-MOVE is sent.
    """
    window = Window(start_hour=config.start_hour, end_hour=config.end_hour)
    by_day = config.nightly_only and not window.is_open(clock.now().astimezone())
    for archive in config.archives:
        answer = echo(archive.peer, calling_aet=archive.calling_aet, timeout=ECHO_SECONDS)
        text = f"SrcAet {archive.peer}, called by {archive.calling_aet}"
        if answer is not Echo.ANSWERED:
            yield failure(ARCHIVE, f"{text}: {answer}. {_remedy(answer)}")
            continue
        yield ok(ARCHIVE, f"{text}: answers C-ECHO")
        if by_day:
            yield warning(
                DESTINATION,
                f"SrcAet {archive.peer}: not asked, because NightlyOnly allows C-MOVE from {window} only. Run"
                " niffler-doctor again in these hours",
            )
        elif tools_work:
            toolkit = find_toolkit(config.dcm4che_bin, java_options=config.java_options)
            yield check_destination(archive, toolkit, port=_port(config))


def _remedy(answer: Echo) -> str:
    if answer is Echo.REJECTED:
        return "Have its administrator add our AE title (--form prints what to ask for), and compare its own"
    if answer is Echo.UNREACHABLE:
        return "Compare host and port, and see that it is up and no firewall is between"
    return "Ask its administrator"


def _port(config: Config) -> str:
    if config.sends_elsewhere:
        return "with its address and port"
    return f"with this machine's address and port {config.query_aet.port}"


def check_destination(archive: Archive, toolkit: Toolkit, *, port: str) -> Finding:
    """What the archive answers to a retrieve of a study that does not exist: nothing is sent.

    It tells an unknown destination by a801; what it tells of an unknown study is its own choice.
    """
    with tempfile.TemporaryDirectory(prefix="niffler-doctor-") as folder:
        file = Path(folder) / "1.query"
        write_private(file, query_file({"StudyInstanceUID": generate_uid(prefix=None)}))
        arguments = movescu_arguments(
            archive=archive.peer,
            calling_aet=archive.calling_aet,
            destination=archive.destination,
            level="STUDY",
            query_files=[file],
            timeouts=Timeouts(),
        )
        command = (*toolkit.commands["movescu"], *arguments)
        called = call(command, environment=toolkit.environments["movescu"], seconds=MOVE_SECONDS)
    return _judged(archive, called, port)


def _judged(archive: Archive, called: Called, port: str) -> Finding:
    log = MoveLog()
    for line in called.lines:
        log.feed(line)
    text = f"SrcAet {archive.peer}"
    if 1 not in log.final:
        late = f"no answer within {MOVE_SECONDS:.0f} s"
        reason = late if called.code is None else failure_reason(called.lines)
        return warning(DESTINATION, f"{text}: C-MOVE is not answered: {reason}. {TELLS_NOTHING.capitalize()}")
    status = log.final[1].status
    answered = f"{text}: {status_text(status)} for a study that does not exist"
    if classify_status(status) is FailureClass.DESTINATION_UNKNOWN:
        return failure(
            DESTINATION,
            f"{text}: it does not know {archive.destination} as a move destination (a801). Ask its"
            f" administrator to add AE title {archive.destination} {port}; --form prints what to ask for",
        )
    if status in UNABLE:
        return warning(
            DESTINATION, f"{answered}, which some answer to an unknown AE title too: {TELLS_NOTHING}"
        )
    return ok(DESTINATION, f"{answered}: it seems to know {archive.destination}")
