import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID

from niffler_ops.deidentify.pseudonyms import Pseudonyms

SECRET = b"a secret of the tests, 32 bytes."
ONE, OTHER = Pseudonyms(SECRET), Pseudonyms(SECRET[::-1])
TEXTS = st.text(min_size=1)


@given(st.from_regex(r"[012](\.(0|[1-9][0-9]{0,8})){1,9}", fullmatch=True))
def test_a_uid_becomes_a_valid_one_that_only_the_secret_decides(uid: str) -> None:
    pseudonym = ONE.uid(uid)
    assert pseudonym == Pseudonyms(SECRET).uid(uid)
    assert pseudonym != OTHER.uid(uid)
    assert UID(pseudonym).is_valid
    assert uuid.UUID(int=int(pseudonym.removeprefix("2.25."))).version == 8


def test_padding_is_no_part_of_a_value() -> None:
    assert ONE.uid("1.2.3\0") == ONE.uid("1.2.3")
    assert ONE.identifier("PatientID", "12345 ") == ONE.identifier("PatientID", "12345")


@pytest.mark.parametrize(
    "uid",
    ["1.2.840.10008.1.2.1", "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.4.1.1", "1.2.840.10008.6.1.7050"],
)
def test_a_uid_of_the_standard_stays(uid: str) -> None:
    assert ONE.uid(uid) == uid


def test_a_uid_that_only_begins_like_one_of_the_standard_does_not_stay() -> None:
    assert ONE.uid("1.2.840.10008.5.1.4.1.1.2.19610203") != "1.2.840.10008.5.1.4.1.1.2.19610203"


def test_an_empty_uid_stays_empty() -> None:
    assert ONE.uid("") == ""


@given(TEXTS)
def test_an_identifier_fits_every_vr_and_is_no_number_and_no_formula(value: str) -> None:
    pseudonym = ONE.identifier("PatientID", value)
    assert re.fullmatch("N[0-9A-HJKMNP-TV-Z]{15}", pseudonym)


@given(TEXTS, TEXTS)
def test_different_identifiers_have_different_pseudonyms(one: str, other: str) -> None:
    same = one.strip(" \0") == other.strip(" \0")
    assert (ONE.identifier("PatientID", one) == ONE.identifier("PatientID", other)) == same


def test_an_identifier_has_another_pseudonym_for_each_meaning_and_secret() -> None:
    pseudonyms = {
        ONE.identifier("PatientID", "1"),
        ONE.identifier("StudyID", "1"),
        OTHER.identifier("PatientID", "1"),
    }
    assert len(pseudonyms) == 3


@given(TEXTS)
def test_days_are_within_a_year_and_never_none(patient: str) -> None:
    assert 1 <= ONE.days(patient) <= 365


def test_days_are_spread_over_the_year() -> None:
    assert len({ONE.days(f"P{number}") for number in range(5000)}) == 365


def test_a_name_is_told_apart_by_kind() -> None:
    assert ONE.name("file", "a.dcm") == ONE.name("file", "a.dcm")
    assert ONE.name("file", "a.dcm") != ONE.name("folder", "a.dcm")
    assert re.fullmatch("[0-9A-Z]{26}", ONE.name("file", "a.dcm"))


def test_the_secret_is_not_printed() -> None:
    assert "secret" not in repr(ONE) + str(vars(ONE)["_uid"])
