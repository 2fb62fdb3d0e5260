"""DIMSE command sets (PS3.7 annex E): read, written, and worded as dcm4che words them in its log."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, fields
from enum import IntEnum

from niffler_ops.embedded.text import plain_text
from niffler_ops.embedded.uids import uid_name

NO_DATA_SET = 0x0101
UNSIGNED_LENGTH = 2  # of a US value
PENDING = frozenset({0xFF00, 0xFF01})
ERROR_COMMENT_LENGTH = 64  # characters of an LO value


class Field(IntEnum):
    """Values of Command Field (0000,0100)."""

    C_STORE_RQ = 0x0001
    C_FIND_RQ = 0x0020
    C_MOVE_RQ = 0x0021
    C_ECHO_RQ = 0x0030
    C_CANCEL_RQ = 0x0FFF
    C_STORE_RSP = 0x8001
    C_FIND_RSP = 0x8020
    C_MOVE_RSP = 0x8021
    C_ECHO_RSP = 0x8030


@dataclass(frozen=True, kw_only=True, slots=True)
class Command:
    """One command set; what is None is absent."""

    field: int
    sop_class: str | None = None
    message_id: int | None = None
    responding_to: int | None = None
    destination: str | None = None
    priority: int | None = None
    has_data: bool = False
    status: int | None = None
    error_comment: str | None = None
    error_id: int | None = None
    sop_instance: str | None = None
    remaining: int | None = None
    completed: int | None = None
    failed: int | None = None
    warning: int | None = None
    originator: str | None = None
    originator_id: int | None = None

    @property
    def number(self) -> int:
        """The message ID of a request, or of the request that this responds to."""
        return self.responding_to if self.responding_to is not None else self.message_id or 0

    @property
    def is_response(self) -> bool:
        """Whether this answers a request."""
        return bool(self.field & 0x8000)

    @property
    def is_pending(self) -> bool:
        """Whether more responses to the same request follow."""
        return self.status in PENDING


# Element number in group 0000, VR, attribute: ascending, as they are sent.
ELEMENTS = (
    (0x0002, "UI", "sop_class"),
    (0x0100, "US", "field"),
    (0x0110, "US", "message_id"),
    (0x0120, "US", "responding_to"),
    (0x0600, "AE", "destination"),
    (0x0700, "US", "priority"),
    (0x0800, "US", "has_data"),
    (0x0900, "US", "status"),
    (0x0902, "LO", "error_comment"),
    (0x0903, "US", "error_id"),
    (0x1000, "UI", "sop_instance"),
    (0x1020, "US", "remaining"),
    (0x1021, "US", "completed"),
    (0x1022, "US", "failed"),
    (0x1023, "US", "warning"),
    (0x1030, "AE", "originator"),
    (0x1031, "US", "originator_id"),
)
KEYWORDS = {
    0x0002: "AffectedSOPClassUID",
    0x0100: "CommandField",
    0x0110: "MessageID",
    0x0120: "MessageIDBeingRespondedTo",
    0x0600: "MoveDestination",
    0x0700: "Priority",
    0x0800: "CommandDataSetType",
    0x0900: "Status",
    0x0902: "ErrorComment",
    0x0903: "ErrorID",
    0x1000: "AffectedSOPInstanceUID",
    0x1020: "NumberOfRemainingSuboperations",
    0x1021: "NumberOfCompletedSuboperations",
    0x1022: "NumberOfFailedSuboperations",
    0x1023: "NumberOfWarningSuboperations",
    0x1030: "MoveOriginatorApplicationEntityTitle",
    0x1031: "MoveOriginatorMessageID",
}
_BY_ELEMENT = {element: (vr, attribute) for element, vr, attribute in ELEMENTS}


def encode_command(command: Command) -> bytes:
    """The bytes of a command set, group length included."""
    body = bytearray()
    for element, vr, attribute in ELEMENTS:
        value = _value_bytes(vr, attribute, getattr(command, attribute))
        if value is not None:
            body += struct.pack("<HHL", 0, element, len(value)) + value
    return struct.pack("<HHLL", 0, 0, 4, len(body)) + bytes(body)


def _value_bytes(vr: str, attribute: str, value: object) -> bytes | None:
    if attribute == "has_data":
        return struct.pack("<H", 0 if value else NO_DATA_SET)
    if value is None:
        return None
    if vr == "US":
        return struct.pack("<H", value)
    text = str(value)[:ERROR_COMMENT_LENGTH].encode("ascii", "replace")
    return text + (b"\0" if vr == "UI" else b" ") * (len(text) % 2)


def decode_command(data: bytes) -> Command:
    """The command set in these bytes; what is of no use here is passed over. Raises ValueError."""
    values: dict[str, object] = {}
    for element, value in _elements(data):
        vr, attribute = _BY_ELEMENT.get(element, ("", ""))
        if attribute == "has_data":
            values[attribute] = _unsigned(value) != NO_DATA_SET
        elif vr == "US":
            values[attribute] = _unsigned(value)
        elif vr:
            values[attribute] = plain_text(value)
    if "field" not in values:
        raise ValueError("a command set without Command Field")
    return Command(**values)  # type: ignore[arg-type]


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position + 8 <= len(data):
        group, element, length = struct.unpack_from("<HHL", data, position)
        position += 8
        if group or position + length > len(data):
            raise ValueError("not a command set")
        yield element, data[position : position + length]
        position += length


def _unsigned(value: bytes) -> int:
    if len(value) != UNSIGNED_LENGTH:
        raise ValueError("a number of another length than two bytes in a command set")
    return int.from_bytes(value, "little")


def describe(command: Command, context: int, transfer_syntax: str) -> str:
    """A request or response in the words and lines of dcm4che's log."""
    head = [f"pcid={context}"]
    if command.is_response:
        head += _counters(command)
        head.append(f"status={command.status or 0:x}H")
        head += [f"errorID={command.error_id}"] if command.error_id is not None else []
        head += [f"errorComment={command.error_comment}"] if command.error_comment else []
    else:
        head += [f"prior={command.priority}"] if command.priority is not None else []
        head += [f"dest={command.destination}"] if command.destination is not None else []
    lines = [f"{command.number}:{name(command)}[{', '.join(head)}"]
    if command.originator is not None:
        lines.append(f"orig={command.originator} >> {command.originator_id}:C-MOVE-RQ")
    for label, uid in (("cuid", command.sop_class), ("iuid", command.sop_instance)):
        lines += [f"{label}={prompt(uid)}"] if uid is not None else []
    lines.append(f"tsuid={prompt(transfer_syntax)}]")
    return "\n  ".join(lines)


def _counters(command: Command) -> list[str]:
    counted = ("remaining", "completed", "failed", "warning")
    return [f"{key}={getattr(command, key)}" for key in counted if getattr(command, key) is not None]


def name(command: Command) -> str:
    """C-MOVE-RQ and the like."""
    try:
        return Field(command.field).name.replace("_", "-")
    except ValueError:
        return f"{command.field:04x}H"


def prompt(uid: str) -> str:
    """A UID and its name, or a question mark where it has none."""
    return f"{uid} - {uid_name(uid) or '?'}"


def dump(command: Command) -> list[str]:
    """Tag, VR, value and keyword of each element, one line each."""
    lines = []
    present = {field.name for field in fields(command)}
    for element, vr, attribute in ELEMENTS:
        value = getattr(command, attribute) if attribute in present else None
        if attribute == "has_data":
            value = 0 if value else NO_DATA_SET
        if value is not None:
            lines.append(f"(0000,{element:04X}) {vr} [{value}] {KEYWORDS[element]}")
    return lines
