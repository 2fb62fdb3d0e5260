"""A-ASSOCIATE PDUs, against pynetdicom's codec."""

import subprocess
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.config import IGNORE
from pydicom.uid import UID
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    AsynchronousOperationsWindowNegotiation,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import PresentationContext

from niffler_ops.embedded import negotiation
from niffler_ops.embedded.negotiation import ASYNCHRONOUS, SYNCHRONOUS, Context, Terms
from niffler_ops.embedded.uids import NAMES, uid_name

CT, EXPLICIT = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.1"

uids = st.from_regex(r"[12]\.[1-9][0-9]{0,8}(\.[1-9][0-9]{0,9}){0,4}", fullmatch=True)
titles = st.from_regex(r"[A-Z0-9_]{1,16}", fullmatch=True)
windows = st.sampled_from([SYNCHRONOUS, ASYNCHRONOUS, (5, 1), (0, 7)])


@st.composite
def proposals(draw: st.DrawFn) -> Terms:
    identifiers = draw(st.lists(st.sampled_from(range(1, 256, 2)), max_size=5, unique=True))
    return Terms(
        called=draw(titles),
        calling=draw(titles),
        contexts=tuple(
            Context(
                identifier=identifier,
                abstract_syntax=draw(uids),
                transfer_syntaxes=tuple(draw(st.lists(uids, min_size=1, max_size=4, unique=True))),
            )
            for identifier in identifiers
        ),
        maximum_length=draw(st.integers(0, 2**32 - 1)),
        window=draw(windows),
    )


def answered(terms: Terms) -> Terms:
    """The same as an answer: one transfer syntax of each, the first accepted and all others refused."""
    contexts = tuple(
        Context(
            identifier=context.identifier,
            abstract_syntax="",
            transfer_syntaxes=context.transfer_syntaxes[:1],
            result=min(number, 1) * negotiation.ABSTRACT_SYNTAX_NOT_SUPPORTED,
        )
        for number, context in enumerate(terms.contexts)
    )
    return Terms(
        called=terms.called,
        calling=terms.calling,
        contexts=contexts,
        maximum_length=terms.maximum_length,
        window=terms.window,
    )


def primitive(terms: Terms) -> A_ASSOCIATE:
    """The same for pynetdicom."""
    made = A_ASSOCIATE()
    made.application_context_name = negotiation.APPLICATION_CONTEXT
    made.called_ae_title, made.calling_ae_title = terms.called, terms.calling
    length, implementation = MaximumLengthNotification(), ImplementationClassUIDNotification()
    length.maximum_length_received = terms.maximum_length
    implementation.implementation_class_uid = negotiation.IMPLEMENTATION_CLASS
    information: list[Any] = [length, implementation]
    if terms.window != SYNCHRONOUS:
        window = AsynchronousOperationsWindowNegotiation()
        window.maximum_number_operations_invoked, window.maximum_number_operations_performed = terms.window
        information.append(window)
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = negotiation.IMPLEMENTATION_VERSION
    made.user_information = [*information, version]
    return made


def presentation_context(context: Context) -> PresentationContext:
    made = PresentationContext()
    made.context_id = context.identifier
    if context.abstract_syntax:
        made.abstract_syntax = context.abstract_syntax
    made.transfer_syntax = list(context.transfer_syntaxes)
    made.result = context.result
    return made


def request_of(terms: Terms, *more: Any) -> bytes:
    made, pdu = primitive(terms), A_ASSOCIATE_RQ()
    made.user_information = [*made.user_information, *more]
    made.presentation_context_definition_list = [presentation_context(one) for one in terms.contexts]
    pdu.from_primitive(made)
    return pdu.encode()


def acceptance_of(terms: Terms) -> bytes:
    made, pdu = primitive(terms), A_ASSOCIATE_AC()
    made.result, made.result_source = 0, 1
    made.presentation_context_definition_results_list = [presentation_context(one) for one in terms.contexts]
    pdu.from_primitive(made)
    return pdu.encode()


@given(proposals())
def test_a_request_has_the_bytes_that_pynetdicom_writes_and_is_read_back(terms: Terms) -> None:
    assert negotiation.encode_request(terms) == request_of(terms)
    assert negotiation.decode_request(request_of(terms)) == terms


@given(proposals())
def test_an_acceptance_has_the_bytes_that_pynetdicom_writes_and_is_read_back(terms: Terms) -> None:
    answer = answered(terms)
    assert negotiation.encode_acceptance(answer) == acceptance_of(answer)
    assert negotiation.decode_acceptance(acceptance_of(answer)) == answer


@pytest.mark.parametrize("reasons", [(1, 1, 7), (1, 2, 2), (2, 3, 2)])
def test_a_rejection_has_the_bytes_that_pynetdicom_writes(reasons: tuple[int, int, int]) -> None:
    made, pdu = A_ASSOCIATE(), A_ASSOCIATE_RJ()
    made.result, made.result_source, made.diagnostic = reasons
    pdu.from_primitive(made)
    assert negotiation.encode_rejection(*reasons) == pdu.encode()


def terms_of(*contexts: Context) -> Terms:
    return Terms(called="DEST", calling="X", contexts=contexts)


CONTEXT = Context(identifier=1, abstract_syntax=CT, transfer_syntaxes=(EXPLICIT,))


def test_what_else_a_peer_wants_to_negotiate_is_passed_over() -> None:
    role, identity = SCP_SCU_RoleSelectionNegotiation(), UserIdentityNegotiation()
    role.sop_class_uid, role.scu_role, role.scp_role = CT, True, True
    identity.user_identity_type, identity.primary_field = 1, b"somebody"
    terms = terms_of(CONTEXT)
    assert negotiation.decode_request(request_of(terms, role, identity)) == terms


def test_uids_and_titles_that_are_padded_are_known_all_the_same() -> None:
    data = negotiation.encode_request(
        terms_of(Context(identifier=1, abstract_syntax=CT + "\0", transfer_syntaxes=(EXPLICIT + "\0",)))
    )
    assert negotiation.decode_request(data.replace(b"X" + b" " * 15, b"X" + b"\0" * 15)) == terms_of(CONTEXT)


def test_a_title_with_characters_that_none_may_have_is_fit_for_a_log() -> None:
    data = negotiation.encode_request(terms_of(CONTEXT)).replace(b"X" + b" " * 6, b"R\xd6\n12:0")
    assert negotiation.decode_request(data).calling == "R??12:0"


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        (b"DEST" + b" " * 12, b" " * 16, "without AE title"),
        (b"\x50\0\0L", b"\x50\0\xffL", "longer than itself"),
        (b"\x51\0\0\x04", b"\x51\0\0\x03", "another length|ends within|longer than itself"),
        (b"\1\0\0\0\x30", b"\2\0\0\0\x30", "even identifier"),
    ],
)
def test_what_contradicts_itself_is_refused(before: bytes, after: bytes, problem: str) -> None:
    data = negotiation.encode_request(terms_of(CONTEXT))
    assert data.count(before) == 1
    with pytest.raises(ValueError, match=problem):
        negotiation.decode_request(data.replace(before, after))


@given(st.binary(max_size=300), st.data())
def test_whatever_comes_is_read_or_refused(rubbish: bytes, data: st.DataObject) -> None:
    whole = negotiation.encode_request(terms_of(CONTEXT))
    at = data.draw(st.integers(0, len(whole)))
    for said in (rubbish, whole[:at], whole[:at] + rubbish, whole[:at] + rubbish + whole[at:]):
        for decode in (negotiation.decode_request, negotiation.decode_acceptance):
            with suppress(ValueError):
                terms = decode(said)
                assert (terms.called + terms.calling).isprintable()


@pytest.mark.parametrize("uid", NAMES)
def test_the_names_that_are_known_without_pydicom_are_pydicoms(uid: str) -> None:
    assert NAMES[uid] == UID(uid).name


def test_other_names_are_asked_of_pydicom_and_nothing_is_no_name() -> None:
    assert uid_name(CT) == "CT Image Storage"
    for uid in ("1.2.3", "", "no UID", "1" * 5000):
        assert uid_name(uid) == "", UID(uid, validation_mode=IGNORE)


def test_movescu_and_findscu_start_without_the_libraries_that_are_slow_to_import() -> None:
    code = (
        "import sys; import niffler_ops.embedded.movescu, niffler_ops.embedded.findscu;"
        "print({'pydicom', 'pynetdicom', 'numpy'} & sys.modules.keys())"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.strip() == "set()"
