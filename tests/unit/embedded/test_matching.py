"""Attribute matching of PS3.4 section C.2.2.2."""

import pytest

from niffler_ops.embedded.matching import Value, matches


@pytest.mark.parametrize(
    ("vr", "wanted", "have", "expected"),
    [
        ("LO", "", "anything", True),
        ("LO", "*", "", True),
        ("LO", "P1", "P1 ", True),
        ("LO", " P1", "P1", True),
        ("LO", "P1", "p1", False),
        ("LO", "P1", "P10", False),
        ("LO", "P?", "P1", True),
        ("LO", "P?", "P10", False),
        ("LO", "P*0", "P10", True),
        ("LO", "P.0", "P10", False),
        ("LO", "P1", "", False),
        ("UI", "1.2", "1.2\0", True),
        ("UI", r"1.2\1.3", "1.3", True),
        ("UI", "1.*", "1.2", False),
        ("DA", "20200101", "20200101", True),
        ("DA", "20200101-20200103", "20200103", True),
        ("DA", "20200101-20200103", "20200104", False),
        ("DA", "-20200103", "20191231", True),
        ("DA", "20200103-", "20200102", False),
        ("DA", "20200101-", "", False),
        ("TM", "10-11", "110530.5", True),
        ("TM", "10-11", "120000", False),
        ("IS", "5", "05", True),
        ("DS", "1.50", "1.5", True),
        ("PN", "doe^jane", "Doe^Jane^^", True),
        ("PN", "DOE*", "Doe^Jane", True),
        ("CS", "MR", r"CT\MR", True),
        ("CS", r"US\MR", "CT", False),
    ],
)
def test_keys_match_by_their_vr(vr: str, wanted: str, have: str, expected: bool) -> None:  # noqa: FBT001
    assert matches(vr, Value(data=wanted.encode()), Value(data=have.encode())) is expected


def test_names_match_across_character_sets() -> None:
    wanted = Value(data="Müller^J*".encode(), character_set=b"ISO_IR 192")
    have = Value(data="Müller^Jörg".encode("latin-1"), character_set=b"ISO_IR 100")
    assert matches("PN", wanted, have)


def test_a_name_of_iso_2022_ir_58_matches_one_of_another_set() -> None:
    have = Value(
        data=b"\x1b$)A" + "张".encode("gb2312") + b"^\x1b$)A" + "卫东".encode("gb2312"),
        character_set=b"\\ISO 2022 IR 58",
    )
    assert matches("PN", Value(data="张^卫东".encode(), character_set=b"ISO_IR 192"), have)


def test_bytes_that_iso_2022_ir_58_does_not_explain_are_no_reason_to_fail() -> None:
    value = Value(data=b"\x1b$)A\xff\xff", character_set=b"\\ISO 2022 IR 58")
    assert value.texts() == ["\x1b$)A\xff\xff"]


def test_an_unknown_character_set_is_no_reason_to_fail() -> None:
    value = Value(data="Müller".encode("latin-1"), character_set=b"NO SUCH SET")
    assert matches("PN", value, value)


def test_binary_values_match_by_their_bytes() -> None:
    assert matches("US", Value(data=b"\0\2"), Value(data=b"\0\2"))
    assert not matches("US", Value(data=b"\0\2"), Value(data=b"\0\1"))
