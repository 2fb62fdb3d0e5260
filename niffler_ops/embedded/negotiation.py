"""What both sides of an association agree on, as A-ASSOCIATE PDUs (PS3.8 section 9.3, PS3.7 annex D.3)."""

import struct
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from niffler_ops.embedded.text import plain_text
from niffler_ops.embedded.uids import IMPLICIT_VR_LITTLE_ENDIAN

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
IMPLEMENTATION_CLASS = "2.25.219604287392740316285493612780413594027"
IMPLEMENTATION_VERSION = "NIFFLER_EMBEDDED"
UNLIMITED = 0
SYNCHRONOUS = (1, 1)
ASYNCHRONOUS = (0, 0)

ACCEPTANCE = 0
ABSTRACT_SYNTAX_NOT_SUPPORTED = 3

# PS3.8 table 9-21, in dcm4che's words.
RESULTS = {1: "rejected-permanent", 2: "rejected-transient"}
SOURCES = {1: "service-user", 2: "service-provider-acse", 3: "service-provider-presentation"}
REASONS = {
    (1, 1): "no-reason-given",
    (1, 2): "application-context-name-not-supported",
    (1, 3): "calling-AE-title-not-recognized",
    (1, 7): "called-AE-title-not-recognized",
    (2, 1): "no-reason-given",
    (2, 2): "protocol-version-not-supported",
    (3, 1): "temporary-congestion",
    (3, 2): "local-limit-exceeded",
}
CALLED_AET_NOT_RECOGNIZED = (1, 1, 7)

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ = 1, 2, 3
APPLICATION, USER_INFORMATION = 0x10, 0x50
PROPOSED_CONTEXT, ANSWERED_CONTEXT, ABSTRACT_SYNTAX, TRANSFER_SYNTAX = 0x20, 0x21, 0x30, 0x40
LENGTH, CLASS, WINDOW, VERSION = 0x51, 0x52, 0x53, 0x55

_HEAD = struct.Struct("!BxLH2x16s16s32x")  # type, length, protocol version, called and calling AE title
_ITEM = struct.Struct("!BxH")  # type, length
_CONTEXT = struct.Struct("!BxBx")  # identifier, and of an answer the result
_LENGTH = struct.Struct("!L")
_WINDOW = struct.Struct("!HH")
_COUNTED_FROM = 6  # bytes of a PDU that its length leaves out
_PROTOCOL_VERSION = 1
_TITLE_LENGTH = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class Context:
    """A presentation context: proposed with its transfer syntaxes, or answered with one and a result."""

    identifier: int
    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]
    result: int = ACCEPTANCE


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """The contents of an A-ASSOCIATE-RQ or -AC.

    `maximum_length` is of the PDUs its sender can receive, 0 for any; `window` its numbers of
    operations invoked and performed at once, 0 for any.
    """

    called: str
    calling: str
    contexts: tuple[Context, ...]
    maximum_length: int = UNLIMITED
    window: tuple[int, int] = SYNCHRONOUS


def encode_request(terms: Terms) -> bytes:
    """The A-ASSOCIATE-RQ PDU."""
    return _pdu(ASSOCIATE_RQ, terms, map(_proposed, terms.contexts))


def encode_acceptance(terms: Terms) -> bytes:
    """The A-ASSOCIATE-AC PDU."""
    return _pdu(ASSOCIATE_AC, terms, map(_answered, terms.contexts))


def encode_rejection(result: int, source: int, reason: int) -> bytes:
    """The A-ASSOCIATE-RJ PDU."""
    return bytes((ASSOCIATE_RJ, 0, 0, 0, 0, 4, 0, result, source, reason))


def decode_request(data: bytes) -> Terms:
    """The contents of an A-ASSOCIATE-RQ PDU; raises ValueError for what is none."""
    return _terms(data, PROPOSED_CONTEXT)


def decode_acceptance(data: bytes) -> Terms:
    """The contents of an A-ASSOCIATE-AC PDU; raises ValueError for what is none."""
    return _terms(data, ANSWERED_CONTEXT)


def describe_rejection(data: bytes) -> str:
    """An A-ASSOCIATE-RJ PDU in dcm4che's words."""
    result, source, reason = data[7], data[8], data[9]
    return (
        f"A-ASSOCIATE-RJ[result: {result} - {RESULTS.get(result, '?')}, "
        f"source: {source} - {SOURCES.get(source, '?')}, "
        f"reason: {reason} - {REASONS.get((source, reason), '?')}]"
    )


def answer(proposed: Iterable[Context], choose: Callable[[Context], str | None]) -> tuple[Context, ...]:
    """Each proposed context with its result; `choose` gives the transfer syntax to be used, or None."""
    return tuple(_answer(context, choose(context)) for context in proposed)


def _answer(context: Context, chosen: str | None) -> Context:
    return Context(
        identifier=context.identifier,
        abstract_syntax=context.abstract_syntax,
        # A refused context carries a transfer syntax too, of no meaning (PS3.8 section 9.3.3.2).
        transfer_syntaxes=(chosen or IMPLICIT_VR_LITTLE_ENDIAN,),
        result=ABSTRACT_SYNTAX_NOT_SUPPORTED if chosen is None else ACCEPTANCE,
    )


def _pdu(kind: int, terms: Terms, contexts: Iterable[bytes]) -> bytes:
    items = _item(APPLICATION, APPLICATION_CONTEXT.encode()) + b"".join(contexts) + _user_information(terms)
    titles = (terms.called, terms.calling)
    called, calling = (title.encode("ascii", "replace").ljust(_TITLE_LENGTH) for title in titles)
    length = _HEAD.size - _COUNTED_FROM + len(items)
    return _HEAD.pack(kind, length, _PROTOCOL_VERSION, called, calling) + items


def _item(kind: int, value: bytes) -> bytes:
    return _ITEM.pack(kind, len(value)) + value


def _proposed(context: Context) -> bytes:
    abstract = _item(ABSTRACT_SYNTAX, context.abstract_syntax.encode())
    transfer = (_item(TRANSFER_SYNTAX, uid.encode()) for uid in context.transfer_syntaxes)
    return _item(PROPOSED_CONTEXT, _CONTEXT.pack(context.identifier, 0) + abstract + b"".join(transfer))


def _answered(context: Context) -> bytes:
    transfer = _item(TRANSFER_SYNTAX, context.transfer_syntaxes[0].encode())
    return _item(ANSWERED_CONTEXT, _CONTEXT.pack(context.identifier, context.result) + transfer)


def _user_information(terms: Terms) -> bytes:
    items = _item(LENGTH, _LENGTH.pack(terms.maximum_length)) + _item(CLASS, IMPLEMENTATION_CLASS.encode())
    if terms.window != SYNCHRONOUS:
        items += _item(WINDOW, _WINDOW.pack(*terms.window))
    return _item(USER_INFORMATION, items + _item(VERSION, IMPLEMENTATION_VERSION.encode()))


def _terms(data: bytes, kind_of_context: int) -> Terms:
    """What a PDU says; its type and length have been looked at by whoever has received it."""
    if len(data) < _HEAD.size:
        raise ValueError("an A-ASSOCIATE PDU that is too short")
    _, _, _, called, calling = _HEAD.unpack_from(data)
    contexts: list[Context] = []
    maximum_length = UNLIMITED
    window: tuple[int, ...] = SYNCHRONOUS
    for kind, value in _items(data[_HEAD.size :]):
        if kind == kind_of_context:
            contexts.append(_context(value))
        elif kind == USER_INFORMATION:
            told = dict(_items(value))
            if LENGTH in told:
                maximum_length = _numbers(_LENGTH, told[LENGTH])[0]
            if WINDOW in told:
                window = _numbers(_WINDOW, told[WINDOW])
    return Terms(
        called=_title(called),
        calling=_title(calling),
        contexts=tuple(contexts),
        maximum_length=maximum_length,
        window=(window[0], window[1]),
    )


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        if len(data) - position < _ITEM.size:
            raise ValueError("an A-ASSOCIATE PDU that ends within an item")
        kind, length = _ITEM.unpack_from(data, position)
        position += _ITEM.size + length
        if position > len(data):
            raise ValueError("an A-ASSOCIATE PDU with an item that is longer than itself")
        yield kind, data[position - length : position]


def _context(data: bytes) -> Context:
    identifier, result = _numbers(_CONTEXT, data[: _CONTEXT.size])
    if not identifier % 2:
        raise ValueError("an A-ASSOCIATE PDU with a presentation context of an even identifier")
    syntaxes = [(kind, plain_text(value)) for kind, value in _items(data[_CONTEXT.size :])]
    return Context(
        identifier=identifier,
        abstract_syntax=next((uid for kind, uid in syntaxes if kind == ABSTRACT_SYNTAX), ""),
        transfer_syntaxes=tuple(uid for kind, uid in syntaxes if kind == TRANSFER_SYNTAX),
        result=result,
    )


def _numbers(form: struct.Struct, data: bytes) -> tuple[int, ...]:
    if len(data) != form.size:
        raise ValueError("an A-ASSOCIATE PDU with an item of another length than its type has")
    return form.unpack(data)


def _title(data: bytes) -> str:
    title = plain_text(data)
    if not title:
        raise ValueError("an A-ASSOCIATE PDU without AE title")
    return title
