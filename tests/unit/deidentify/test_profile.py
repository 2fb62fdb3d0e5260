"""The tables are what they claim to be."""

import pytest
from pydicom.datadict import dictionary_VR, tag_for_keyword

from niffler_ops.deidentify import Options, profile
from niffler_ops.deidentify.options import NAMES
from niffler_ops.deidentify.rules import rules_for
from niffler_ops.deidentify.treatments import Treatment


def test_the_table_is_the_edition_that_it_says() -> None:
    assert profile.EDITION == "2026c"
    assert len(profile.basic()) == 655 - 3  # all but curve data, overlay data and overlay comments


def test_every_keyword_is_one_of_the_dictionary_and_stands_once() -> None:
    for table in (profile.additions(), profile.option_columns()):
        keywords = [row.keyword for row in table]
        assert None not in map(tag_for_keyword, keywords)
        if table is profile.additions():
            assert len(set(keywords)) == len(keywords)
    cells = [(column.option, column.keyword) for column in profile.option_columns()]
    assert len(set(cells)) == len(cells)
    assert {column.option for column in profile.option_columns()} < set(NAMES)


def test_the_option_columns_are_of_attributes_that_the_table_lists() -> None:
    assert {tag_for_keyword(column.keyword) for column in profile.option_columns()} <= profile.basic().keys()


def test_every_addition_says_why() -> None:
    assert all(addition.why for addition in profile.additions())


def test_the_date_columns_are_dates_and_times() -> None:
    keywords = list(profile.temporal_keywords())
    assert {dictionary_VR(keyword) for keyword in keywords} == {"DA", "DT", "TM"}
    assert "StudyDate" in keywords
    assert "PatientBirthDate" not in keywords


@pytest.mark.parametrize("names", [(), NAMES[:1], NAMES[1:]])
def test_no_rule_keeps_a_private_attribute_a_curve_or_an_overlay(names: tuple[str, ...]) -> None:
    groups = {tag >> 16 for tag in rules_for(Options.parse(names))}
    assert min(groups) == 0x0008
    assert not {group for group in groups if group % 2 or group >> 8 in {0x50, 0x60}}


def test_what_nobody_lists_is_kept() -> None:
    rules = rules_for(Options.parse([]))
    kept = {"Manufacturer": Treatment.TEXT, "SliceThickness": Treatment.NUMBER, "Rows": Treatment.KEEP}
    for keyword, treatment in kept.items():
        tag = tag_for_keyword(keyword)
        assert tag is not None
        assert rules[tag].treatment is treatment
