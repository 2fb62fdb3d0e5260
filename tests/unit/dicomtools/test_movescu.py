"""movescu gets one query after another, and only response lines of its log are believed."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.dicomtools.movescu import MoveLog, MoveResponse, movescu_arguments
from niffler_ops.dicomtools.responses import is_dumped_element, parse_response
from niffler_ops.dicomtools.timeouts import Timeouts
from niffler_ops.model import Peer

ARCHIVE = Peer(aet="PACS", host="127.0.0.1", port=11112)
TIMEOUTS = Timeouts(connect_ms=1, accept_ms=2, send_ms=3)


def test_movescu_arguments() -> None:
    assert movescu_arguments(
        archive=ARCHIVE,
        calling_aet="QBNIFFLER",
        destination="STORE",
        level="SERIES",
        query_files=[Path("/q/1.dcm"), Path("/q/-2.dcm")],
        timeouts=TIMEOUTS,
    ) == [
        *("-c", "PACS@127.0.0.1:11112", "-b", "QBNIFFLER", "--dest", "STORE", "-L", "SERIES", "--not-async"),
        *("--connect-timeout", "1", "--accept-timeout", "2", "--send-timeout", "3"),
        *("--", "/q/1.dcm", "/q/-2.dcm"),
    ]


def test_movescu_is_never_asked_to_retrieve_everything() -> None:
    with pytest.raises(ValueError, match="everything"):
        movescu_arguments(
            archive=ARCHIVE,
            calling_aet="A",
            destination="D",
            level="STUDY",
            query_files=[],
            timeouts=TIMEOUTS,
        )


def test_a_request_line_is_no_outcome() -> None:
    log = MoveLog()
    assert log.feed("A->B(1) << 3:C-MOVE-RQ[pcid=1, prior=0, dest=A\n") is None
    assert not log.final
    assert not log.last_pending


def test_a_response_cut_off_by_the_end_of_the_tool_is_no_outcome() -> None:
    whole = "A->B(1) >> 1:C-MOVE-RSP[pcid=1, completed=10, failed=0, warning=0, status=0H"
    assert all(MoveLog().feed(whole[:length]) is None for length in range(len(whole)))
    assert MoveLog().feed(whole) is not None


def test_responses_of_other_commands_are_ignored() -> None:
    log = MoveLog()
    assert log.feed("A->B(1) >> 1:C-FIND-RSP[pcid=1, status=0H") is None
    assert log.feed("A<-B(1) >> 1:C-STORE-RSP[pcid=1, status=0H") is None
    assert log.feed("A->B(1) >> 1:C-MOVE-RSP Command:") is None


@pytest.mark.parametrize(
    "comment",
    [
        "plain",
        "a, b=c, status=0H, completed=9",
        "[]) >> 2:C-MOVE-RSP[pcid=1, completed=10, failed=0, warning=0, status=0H",
        ", errorComment=twice",
    ],
)
def test_an_error_comment_may_hold_anything(comment: str) -> None:
    log = MoveLog()
    line = f"A->B(1) >> 1:C-MOVE-RSP[pcid=1, failed=3, status=a702H, errorID=7, errorComment={comment}"
    assert log.feed(line) == MoveResponse(
        message_id=1,
        status=0xA702,
        remaining=None,
        completed=None,
        failed=3,
        warning=None,
        error_comment=comment,
        pending=False,
    )
    assert set(log.final) == {1}


@pytest.mark.parametrize("prefix", ["", "12:00:00 DEBUG - A->B(1) << 1:C-MOVE-RQ Dataset: "])
def test_a_dumped_value_that_looks_like_a_response_is_none(prefix: str) -> None:
    line = f"{prefix}(0010,0020) LO [x(1) >> 1:C-MOVE-RSP[pcid=1, status=0H] PatientID"
    assert MoveLog().feed(line) is None


def test_the_last_response_counts() -> None:
    log = MoveLog()
    for remaining in (2, 1, 0):
        log.feed(f"A->B(1) >> 1:C-MOVE-RSP[pcid=1, remaining={remaining}, status=ff00H")
    assert log.last_pending[1].remaining == 0
    assert not log.final


counters = st.none() | st.integers(min_value=0, max_value=0xFFFF)
statuses = st.sampled_from([0x0000, 0xFF00, 0xFF01, 0xB000, 0xA702]) | st.integers(0, 0xFFFF)
one_line = st.text(st.characters(exclude_categories=("Cc", "Cs")))
garbage = one_line.filter(lambda text: parse_response(text) is None)
prefixes = garbage.filter(lambda text: not is_dumped_element(text))


@st.composite
def responses(draw: st.DrawFn) -> MoveResponse:
    status = draw(statuses)
    return MoveResponse(
        message_id=draw(st.integers(min_value=0, max_value=0xFFFF)),
        status=status,
        remaining=draw(counters),
        completed=draw(counters),
        failed=draw(counters),
        warning=draw(counters),
        error_comment=draw(one_line),
        pending=status in {0xFF00, 0xFF01},
    )


def rendered(response: MoveResponse) -> str:
    """The message as dcm4che writes it: what is absent is left out."""
    fields = [f"{response.message_id}:C-MOVE-RSP[pcid=1"]
    values = {name: getattr(response, name) for name in ("remaining", "completed", "failed", "warning")}
    fields += [f"{name}={value}" for name, value in values.items() if value is not None]
    fields.append(f"status={response.status:x}H")
    if response.error_comment:
        fields.append(f"errorComment={response.error_comment}")
    return ", ".join(fields)


@given(
    st.lists(st.tuples(prefixes, responses(), garbage)),
    st.sampled_from(["", "\n", "\r\n"]),
    st.booleans(),
)
def test_responses_are_read_whatever_the_site_logs_around_them(
    said: list[tuple[str, MoveResponse, str]],
    ending: str,
    as_bytes: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    log = MoveLog()
    heard = []
    for prefix, response, noise in said:
        continuation = (
            "  cuid=1.2.840.10008.5.1.4.1.2.2.2 - Study Root Query/Retrieve Information Model - MOVE"
        )
        for line in (f"{prefix}A->B(1) >> {rendered(response)}", continuation, noise):
            whole = line + ending
            heard.append(log.feed(whole.encode() if as_bytes else whole))
    expected = [response for _, response, _ in said]
    assert [response for response in heard if response is not None] == expected
    assert log.final == {response.message_id: response for response in expected if not response.pending}


@given(st.binary() | st.text())
def test_no_line_makes_the_parser_raise(line: bytes | str) -> None:
    MoveLog().feed(line)


def test_bytes_that_are_no_utf8_do_not_hide_a_response() -> None:
    response = MoveLog().feed(b"\xff\xfe >> 1:C-MOVE-RSP[pcid=1, status=a702H, errorComment=gel\xf6scht\r\n")
    assert response is not None
    assert response.error_comment == "gel\ufffdscht"
