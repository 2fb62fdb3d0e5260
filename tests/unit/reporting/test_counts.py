"""Every state has its word in the status, and none is counted twice or lost."""

from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.reporting.counts import ROW_GROUPS, STUDY_GROUPS, row_counts, study_counts
from niffler_ops.states import ROW_ENDS, STUDY_ENDS, RowState, StudyState

numbers = st.integers(min_value=0, max_value=10**7)
row_tallies = st.fixed_dictionaries({("row", str(state)): numbers for state in RowState})
study_tallies = st.fixed_dictionaries({("study", str(state)): numbers for state in StudyState})


def test_every_state_has_its_word() -> None:
    assert set(ROW_GROUPS) == set(RowState)
    assert set(STUDY_GROUPS) == set(StudyState)


@given(row_tallies, study_tallies)
def test_totals_count_every_row_and_every_study_once(
    rows: dict[tuple[str, str], int], studies: dict[tuple[str, str], int]
) -> None:
    assert row_counts(rows | studies).total == sum(rows.values())
    assert study_counts(rows | studies).total == sum(studies.values())


@given(row_tallies, study_tallies)
def test_open_is_what_is_not_at_its_end(
    rows: dict[tuple[str, str], int], studies: dict[tuple[str, str], int]
) -> None:
    ended = sum(number for (_, state), number in rows.items() if state in ROW_ENDS)
    assert row_counts(rows).open == sum(rows.values()) - ended
    ended = sum(number for (_, state), number in studies.items() if state in STUDY_ENDS)
    assert study_counts(studies).open == sum(studies.values()) - ended


@given(study_tallies)
def test_a_study_is_neither_not_found_nor_rejected(studies: dict[tuple[str, str], int]) -> None:
    counts = study_counts(studies)
    assert (counts.not_found, counts.rejected) == (0, 0)


def test_a_study_waits_until_the_archive_is_asked_to_send_it() -> None:
    tallies = {("study", str(state)): 1 for state in StudyState}
    assert (study_counts(tallies).pending, study_counts(tallies).active) == (3, 4)
