"""The log: levels, and what dumps cut."""

import re
from io import StringIO

from niffler_ops.embedded.log import Level, Log


def written(level: Level) -> str:
    stream = StringIO()
    log = Log(level=level, stream=stream)
    log.dimse("message")
    log.caution("beware")
    log.note("association")
    log.detail("dump:", "x" * 100)
    return stream.getvalue()


def test_the_quiet_log_holds_messages_and_warnings_with_their_time() -> None:
    lines = written(Level.QUIET).splitlines()
    assert [re.sub(r"^\d\d:\d\d:\d\d\.\d{3} ", "", line) for line in lines] == [
        "INFO  - message",
        "WARN  - beware",
    ]


def test_the_log_of_a_receiver_holds_warnings_only() -> None:
    assert written(Level.RECEIVING).endswith("WARN  - beware\n")
    assert written(Level.RECEIVING).count("\n") == 1


def test_a_silent_log_holds_nothing() -> None:
    assert written(Level.SILENT) == ""


def test_dumps_are_cut_so_that_nobody_reads_uids_from_them() -> None:
    lines = written(Level.DEBUG).splitlines()
    assert lines[-2].endswith("DEBUG - dump:")
    assert lines[-1] == "x" * 78
