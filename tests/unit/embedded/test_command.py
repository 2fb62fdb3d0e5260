"""Command sets on the wire and in the log."""

import re
from pathlib import Path

import pytest

from niffler_ops.embedded.command import Command, Field, decode_command, describe, encode_command

TRANSCRIPTS = Path(__file__).parents[2] / "transcripts"
MESSAGE = re.compile(r"(?:<<|>>) (\d+):(C-[A-Z]+-R[A-Z]+)\[((?:.|\n  )*?)\]$", re.MULTILINE)


def logged_messages(version: str) -> list[re.Match[str]]:
    texts = (path.read_text(errors="replace") for path in sorted((TRANSCRIPTS / version).glob("*.txt")))
    return [found for text in texts for found in MESSAGE.finditer(text)]


def command_of(found: re.Match[str]) -> tuple[Command, int, str]:
    """The command that a line of a transcript tells of, its context and transfer syntax."""
    told = dict(pair.split("=", 1) for pair in re.split(r", (?=[a-zA-Z]+=)|\n  ", found[3]))
    uids = {key: value.split(" - ")[0] for key, value in told.items() if key.endswith("uid")}
    counters = {key: int(value) for key, value in told.items() if value.isdigit()}
    is_response = found[2].endswith("RSP")
    originator = re.match(r"(\S+) >> (\d+)", told.get("orig", ""))
    command = Command(
        field=Field[found[2].replace("-", "_")],
        sop_class=uids.get("cuid"),
        sop_instance=uids.get("iuid"),
        priority=int(told["prior"]) if "prior" in told else None,
        destination=told.get("dest"),
        status=int(told["status"].removesuffix("H"), 16) if "status" in told else None,
        error_comment=told.get("errorComment"),
        originator=originator[1] if originator else None,
        originator_id=int(originator[2]) if originator else None,
        message_id=None if is_response else int(found[1]),
        responding_to=int(found[1]) if is_response else None,
        remaining=counters.get("remaining"),
        completed=counters.get("completed"),
        failed=counters.get("failed"),
        warning=counters.get("warning"),
    )
    return command, int(told["pcid"]), uids["tsuid"]


@pytest.mark.parametrize("version", ["5.22.5", "5.35.0"])
def test_every_request_and_response_of_the_transcripts_is_worded_as_dcm4che_worded_it(version: str) -> None:
    messages = logged_messages(version)
    assert len(messages) > 500
    for found in messages:
        command, context, transfer_syntax = command_of(found)
        assert describe(command, context, transfer_syntax) == found[0][3:]


def test_absent_counters_are_left_out_and_not_zero() -> None:
    command = Command(field=Field.C_MOVE_RSP, responding_to=7, status=0, completed=0)
    assert describe(command, 1, "1.2.840.10008.1.2").startswith(
        "7:C-MOVE-RSP[pcid=1, completed=0, status=0H\n"
    )


def test_an_error_id_stands_before_its_comment() -> None:
    command = Command(
        field=Field.C_MOVE_RSP, responding_to=1, status=0xA702, error_id=9, error_comment="no room"
    )
    assert "status=a702H, errorID=9, errorComment=no room\n" in describe(command, 1, "1.2.840.10008.1.2")


def test_a_command_set_survives_the_wire() -> None:
    command = Command(
        field=Field.C_STORE_RQ,
        sop_class="1.2.840.10008.5.1.4.1.1.2",
        message_id=65535,
        priority=0,
        has_data=True,
        sop_instance="1.2.3",
        originator="ME",
        originator_id=4,
    )
    assert decode_command(encode_command(command)) == command


def test_an_error_comment_is_cut_to_the_length_its_vr_allows() -> None:
    command = Command(field=Field.C_MOVE_RSP, responding_to=1, status=0xA702, error_comment="x" * 100)
    assert decode_command(encode_command(command)).error_comment == "x" * 64


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\0\1\4\0\0\0\1\0\0\0",
        b"\0\0\0\1\2\0\0\0",
        b"\x08\0\x18\0\2\0\0\x001\0",
    ],
    ids=["nothing", "a long number", "cut short", "another group"],
)
def test_what_is_no_command_set_is_told(data: bytes) -> None:
    with pytest.raises(ValueError, match="command set"):
        decode_command(data)
