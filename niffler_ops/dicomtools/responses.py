"""The lines in which findscu and movescu log a response of the archive.

`… >> N:C-MOVE-RSP[pcid=1, remaining=R, completed=C, failed=F, warning=W, status=SH, errorComment=…`: N is the
message id being responded to, S hexadecimal; what the archive left out is not there. What stands before `>>`
is a site's own log format. Request lines prove nothing: when an association ends, one more is logged that was
never sent.
"""

import re
from dataclasses import dataclass

SUCCESS = 0x0000
SOME_FAILED = 0xB000  # of a C-MOVE, or some were taken with a warning, PS3.4 C.4.2.1.5
PENDING = frozenset({0xFF00, 0xFF01})  # PS3.4 C.4.1.1.4 and C.4.2.1.5

_RESPONSE = re.compile(
    r">> (?P<message>\d+):(?P<command>C-FIND|C-MOVE)-RSP\[pcid=\d+"
    r"(?P<counters>(?:, [a-z]+=\d+)*), status=(?P<status>[0-9a-fA-F]+)H"
    r"(?:, errorID=-?\d+)?(?:, errorComment=(?P<comment>.*))?",
    re.DOTALL,
)
_COUNTER = re.compile(r"([a-z]+)=(\d+)")
# A dumped element holds what a CSV or an archive put there, which may look like a response.
_DUMPED_ELEMENT = re.compile(r"\([0-9A-Fa-f]{4},[0-9A-Fa-f]{4}\) [A-Z]{2} ")


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """A DIMSE status: its 16 bit code, and the archive's error comment, which may hold identifiers."""

    code: int
    comment: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ResponseLine:
    """One logged response; `command` is C-FIND or C-MOVE, `counters` as logged (remaining, completed, …)."""

    command: str
    message_id: int
    status: Status
    counters: dict[str, int]

    @property
    def pending(self) -> bool:
        """Whether more responses to the same request follow."""
        return self.status.code in PENDING


def parse_response(line: str | bytes) -> ResponseLine | None:
    """The response that this one line of a tool's output logs, or None for every other line."""
    text = line.decode("utf-8", "replace") if isinstance(line, bytes) else line
    match = _RESPONSE.search(text.rstrip("\r\n"))
    if match is None or is_dumped_element(text[: match.start()]):
        return None
    return ResponseLine(
        command=match["command"],
        message_id=int(match["message"]),
        status=Status(code=int(match["status"], 16), comment=match["comment"] or ""),
        counters={name: int(value) for name, value in _COUNTER.findall(match["counters"])},
    )


def is_dumped_element(line: str) -> bool:
    """Whether the line shows an element of a data set, as the tools log them at DEBUG."""
    return _DUMPED_ELEMENT.search(line) is not None
