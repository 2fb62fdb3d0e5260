"""What both sides of an association agree on, through pynetdicom's codecs for A-ASSOCIATE PDUs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from pydicom.uid import ImplicitVRLittleEndian
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import PresentationContext

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
    implementation_class: str = IMPLEMENTATION_CLASS
    implementation_version: str = IMPLEMENTATION_VERSION


def encode_request(terms: Terms) -> bytes:
    """The A-ASSOCIATE-RQ PDU."""
    primitive = _primitive(terms)
    primitive.presentation_context_definition_list = [_presentation_context(c) for c in terms.contexts]
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(primitive)
    return pdu.encode()


def encode_acceptance(terms: Terms) -> bytes:
    """The A-ASSOCIATE-AC PDU."""
    primitive = _primitive(terms)
    primitive.result = 0
    primitive.result_source = 1
    answers = [_presentation_context(c) for c in terms.contexts]
    for answer, context in zip(answers, terms.contexts, strict=True):
        answer.result = context.result
    primitive.presentation_context_definition_results_list = answers
    pdu = A_ASSOCIATE_AC()
    pdu.from_primitive(primitive)
    return pdu.encode()


def encode_rejection(result: int, source: int, reason: int) -> bytes:
    """The A-ASSOCIATE-RJ PDU."""
    primitive = A_ASSOCIATE()
    primitive.result, primitive.result_source, primitive.diagnostic = result, source, reason
    pdu = A_ASSOCIATE_RJ()
    pdu.from_primitive(primitive)
    return pdu.encode()


def decode_request(data: bytes) -> Terms:
    """The contents of an A-ASSOCIATE-RQ PDU; raises ValueError for what is none."""
    primitive = _decoded(A_ASSOCIATE_RQ, data)
    contexts = [
        Context(
            identifier=int(context.context_id or 0),
            abstract_syntax=str(context.abstract_syntax or ""),
            transfer_syntaxes=tuple(str(uid) for uid in context.transfer_syntax or ()),
        )
        for context in primitive.presentation_context_definition_list
    ]
    return _terms(primitive, contexts)


def decode_acceptance(data: bytes) -> Terms:
    """The contents of an A-ASSOCIATE-AC PDU; raises ValueError for what is none."""
    primitive = _decoded(A_ASSOCIATE_AC, data)
    contexts = [
        Context(
            identifier=int(context.context_id or 0),
            abstract_syntax="",
            transfer_syntaxes=tuple(str(uid) for uid in context.transfer_syntax or ())[:1],
            result=int(context.result or 0),
        )
        for context in primitive.presentation_context_definition_results_list
    ]
    return _terms(primitive, contexts)


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
        transfer_syntaxes=(chosen or ImplicitVRLittleEndian,),
        result=ABSTRACT_SYNTAX_NOT_SUPPORTED if chosen is None else ACCEPTANCE,
    )


def _primitive(terms: Terms) -> A_ASSOCIATE:
    primitive = A_ASSOCIATE()
    primitive.application_context_name = APPLICATION_CONTEXT
    primitive.called_ae_title, primitive.calling_ae_title = terms.called, terms.calling
    length = MaximumLengthNotification()
    length.maximum_length_received = terms.maximum_length
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = terms.implementation_class
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = terms.implementation_version
    information: list[Any] = [length, implementation, version]
    if terms.window != SYNCHRONOUS:
        window = AsynchronousOperationsWindowNegotiation()
        window.maximum_number_operations_invoked = terms.window[0]
        window.maximum_number_operations_performed = terms.window[1]
        information.append(window)
    primitive.user_information = information
    return primitive


def _presentation_context(context: Context) -> PresentationContext:
    encoded = PresentationContext()
    encoded.context_id = context.identifier
    if context.abstract_syntax:
        encoded.abstract_syntax = context.abstract_syntax
    encoded.transfer_syntax = list(context.transfer_syntaxes)
    return encoded


def _decoded(kind: type[A_ASSOCIATE_RQ] | type[A_ASSOCIATE_AC], data: bytes) -> A_ASSOCIATE:
    pdu = kind()
    try:
        pdu.decode(data)
        return pdu.to_primitive()
    except Exception as error:  # whatever the codec stumbles over, the bytes are the peer's fault
        raise ValueError(f"an A-ASSOCIATE PDU that cannot be read: {error}") from error


def _terms(primitive: A_ASSOCIATE, contexts: list[Context]) -> Terms:
    window = SYNCHRONOUS
    maximum_length = UNLIMITED
    for item in primitive.user_information:
        if isinstance(item, AsynchronousOperationsWindowNegotiation):
            window = (item.maximum_number_operations_invoked, item.maximum_number_operations_performed)
        elif isinstance(item, MaximumLengthNotification):
            maximum_length = item.maximum_length_received or UNLIMITED
    return Terms(
        called=str(primitive.called_ae_title or "").strip(),
        calling=str(primitive.calling_ae_title or "").strip(),
        contexts=tuple(contexts),
        maximum_length=maximum_length,
        window=window,
    )
