"""An operator reads one known reason, and never a piece of a tool's output."""

from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.dicomtools.failures import (
    UNKNOWN_REASON,
    FailureClass,
    classify_status,
    failure_reason,
    status_text,
)


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ("movescu: Missing argument for option: c", "the tool does not accept its command line"),
        ("/opt/dcm4che/bin/movescu: 58: exec: java: not found", "Java was not found"),
        ("/opt/dcm4che/bin/movescu: 58: exec: /usr/lib/jvm/bin/java: not found", "Java was not found"),
        ("movescu: line 59: /usr/lib/jvm/bin/java: No such file or directory", "Java was not found"),
        ("movescu: line 59: exec: java: command not found", "Java was not found"),
        ("java.lang.UnsupportedClassVersionError: org/dcm4che3", "this Java is too old for the tool"),
        ("Error: Could not create the Java Virtual Machine.", "Java refused JAVA_OPTS"),
        (
            "Error: Could not find or load main class org.dcm4che3.tool.movescu.MoveSCU",
            "the dcm4che folder is incomplete, or DCM4CHE_HOME names another one",
        ),
        ("java.lang.OutOfMemoryError: Java heap space", "Java ran out of memory"),
        ("Caused by: java.net.BindException: Address already in use", "the port is in use"),
        ("Caused by: java.net.BindException: Permission denied", "the port needs privileges"),
        ("storescp: Unable to start TCPListener on null:4243", "the port cannot be opened"),
        ("java.io.IOException: No space left on device", "the disk is full"),
        ("java.io.FileNotFoundException: 001.dcm (Permission denied)", "a file cannot be written or read"),
        ("movescu: q1.dcm (No such file or directory)", "a file is missing"),
        ("movescu: Connection refused", "connection refused"),
        ("java.net.UnknownHostException: pacs: Name or service not known", "the host name is unknown"),
        ("java.net.SocketTimeoutException: Connect timed out", "the host does not answer"),
        ("java.net.NoRouteToHostException: No route to host", "the host does not answer"),
        (
            "org.dcm4che3.net.NoPresentationContextException",
            "the archive does not offer the query and retrieve service",
        ),
        (
            "movescu: A-ABORT[source: 0 - service-user, reason: 0]",
            "the association was aborted by the archive",
        ),
        ("java.net.SocketException: Connection reset", "the connection was lost"),
        ("org.dcm4che3.net.AssociationStateException: Sta1 - Idle", "the association was lost"),
        ("Traceback (most recent call last):", "the tool failed with a defect of its own"),
        ("02:33:42 INFO  - A->B(1) << A-ABORT[source: 0 - service-user, reason: 0]", UNKNOWN_REASON),
        ("enter state: Sta1 - Idle", UNKNOWN_REASON),
        ("", UNKNOWN_REASON),
    ],
)
def test_known_causes_have_a_reason(output: str, reason: str) -> None:
    assert failure_reason(output.splitlines()) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            "result: 1 - rejected-permanent, source: 1 - service-user, reason: 3 - calling-AE-title",
            "association rejected: calling AE title not recognized",
        ),
        (
            "result: 2 - rejected-transient, source: 3 - service-provider, reason: 2 - local-limit",
            "association rejected for now: local limit exceeded",
        ),
        ("result: 1 - rejected-permanent, source: 9, reason: 9", "association rejected: unknown reason"),
    ],
)
def test_a_rejection_says_why(text: str, reason: str) -> None:
    assert failure_reason([f"movescu: A-ASSOCIATE-RJ[{text}]"]) == reason


def test_a_rejection_that_we_sent_is_no_reason_of_ours() -> None:
    line = "A<-B(1) << A-ASSOCIATE-RJ[result: 1 - x, source: 1 - x, reason: 7 - x]"
    assert failure_reason([line]) == UNKNOWN_REASON


def test_an_own_time_out_is_told_from_an_abort_of_the_archive_by_stderr_alone() -> None:
    assert (
        failure_reason(
            [
                "movescu: A-ABORT[source: 0 - service-user, reason: 0]",
                "\tat org.dcm4che3.net.Association.abort(Association.java:330)",
                "\tat org.dcm4che3.net.Timeout.run(Timeout.java:83)",
            ]
        )
        == "no answer within the time-out"
    )


def test_what_an_archive_says_about_a_destination_is_not_why_the_tool_failed() -> None:
    lines = [
        "A->B(1) >> 1:C-MOVE-RSP[pcid=1, status=a702H, errorComment=Connection refused",
        "(0000,0902) LO [Connection refused] ErrorComment",
    ]
    assert failure_reason(lines) == UNKNOWN_REASON


@given(st.lists(st.text()))
def test_a_reason_never_holds_what_the_output_held(lines: list[str]) -> None:
    secret = "DOE^JANE 4711"
    assert secret not in failure_reason([*lines, f"movescu: {secret}: Connection refused"])


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (0x0000, FailureClass.SUCCESS),
        (0xB000, FailureClass.WARNING),
        (0xA801, FailureClass.DESTINATION_UNKNOWN),
        (0xA900, FailureClass.REFUSED_STUDY),
        (0xFE00, FailureClass.CANCELLED),
        (0xA700, FailureClass.TRANSIENT),
        (0xA701, FailureClass.TRANSIENT),
        (0xA702, FailureClass.TRANSIENT),
        (0xC000, FailureClass.TRANSIENT),
        (0xC001, FailureClass.TRANSIENT),
        (0x0122, FailureClass.TRANSIENT),
        (0xFFFFFFFF, FailureClass.TRANSIENT),
    ],
)
def test_a_status_steers_what_is_done_next(status: int, expected: FailureClass) -> None:
    assert classify_status(status) is expected


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (0x0000, "success (0000)"),
        (0xFF00, "pending (FF00)"),
        (0xFF01, "pending (FF01)"),
        (0xFE00, "cancelled (FE00)"),
        (0xA700, "refused: out of resources (A700)"),
        (0xA701, "refused: out of resources, cannot count the matches (A701)"),
        (0xA702, "refused: out of resources, cannot perform sub-operations (A702)"),
        (0xA7FF, "refused: out of resources (A7FF)"),
        (0xA801, "refused: move destination unknown (A801)"),
        (0xA900, "identifier does not match the SOP class (A900)"),
        (0xB000, "sub-operations complete, some failed (B000)"),
        (0xB123, "warning (B123)"),
        (0xC001, "unable to process (C001)"),
        (0x0110, "processing failure (0110)"),
        (0x0122, "SOP class not supported (0122)"),
        (0x7777, "unknown status (7777)"),
    ],
)
def test_a_status_has_words_and_its_code(status: int, text: str) -> None:
    assert status_text(status) == text


def test_lines_without_end_are_soon_searched() -> None:
    comment = "A-ASSOCIATE-RJ[result: 1 " * 8_000
    began = monotonic()
    assert (
        failure_reason([f">> 5:C-ECHO-RSP[pcid=1, status=0H, errorComment={comment}\n"] * 3) == UNKNOWN_REASON
    )
    assert monotonic() - began < 5
