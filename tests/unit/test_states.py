"""The tables of states are whole, and a row follows its studies."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.states import (
    ROW_ENDS,
    ROW_REWINDS,
    ROW_TRANSITIONS,
    STUDY_ENDS,
    STUDY_REWINDS,
    STUDY_TRANSITIONS,
    RowState,
    StudyState,
    check_row_transition,
    check_study_transition,
    row_outcome,
)

# Where --retry-failed leads an end back to; every other end is for ever.
ROW_RETRIES = {
    RowState.PARTIAL: {RowState.PENDING, RowState.MATCHED},
    RowState.FAILED: {RowState.PENDING, RowState.MATCHED},
    RowState.NOT_FOUND: {RowState.PENDING},
    RowState.WITHDRAWN: {RowState.PENDING, RowState.REJECTED},
}
# A done study is looked for again where a further row wants more series of it.
STUDY_RETRIES = {end: {StudyState.FOUND} for end in STUDY_ENDS}

many_studies = st.lists(st.sampled_from(StudyState), min_size=1, max_size=8)


def test_every_state_has_its_line_in_the_table_and_leads_to_states_only() -> None:
    assert set(ROW_TRANSITIONS) == set(RowState)
    assert set(STUDY_TRANSITIONS) == set(StudyState)
    assert all(targets <= set(RowState) for targets in ROW_TRANSITIONS.values())
    assert all(targets <= set(StudyState) for targets in STUDY_TRANSITIONS.values())


def test_no_state_leads_to_itself() -> None:
    assert not [state for state, targets in ROW_TRANSITIONS.items() if state in targets]
    assert not [state for state, targets in STUDY_TRANSITIONS.items() if state in targets]


def test_an_end_leads_nowhere_but_back_to_a_retry() -> None:
    row_ways = {state: ROW_TRANSITIONS[state] - {RowState.WITHDRAWN} for state in ROW_ENDS}
    assert {state: set(targets) for state, targets in row_ways.items() if targets} == ROW_RETRIES
    ways = {state: set(STUDY_TRANSITIONS[state]) for state in STUDY_ENDS}
    assert {state: targets for state, targets in ways.items() if targets} == STUDY_RETRIES


def test_a_row_in_any_state_can_be_withdrawn_and_return() -> None:
    others = set(RowState) - {RowState.WITHDRAWN}
    assert all(RowState.WITHDRAWN in ROW_TRANSITIONS[state] for state in others)
    assert ROW_TRANSITIONS[RowState.WITHDRAWN] == {RowState.PENDING, RowState.REJECTED}


def test_whatever_is_not_an_end_leads_on() -> None:
    assert all(ROW_TRANSITIONS[state] for state in set(RowState) - ROW_ENDS)
    assert all(STUDY_TRANSITIONS[state] for state in set(StudyState) - STUDY_ENDS)


def test_every_state_can_be_reached() -> None:
    assert set(RowState) <= set().union(*ROW_TRANSITIONS.values())
    assert set(StudyState) <= set().union(*STUDY_TRANSITIONS.values())


def test_recovery_rewinds_exactly_the_states_in_flight_by_allowed_steps() -> None:
    assert set(ROW_REWINDS) == {state for state in RowState if state.endswith("ing") and state != "pending"}
    assert set(STUDY_REWINDS) == {state for state in StudyState if state.endswith("ing")}
    for row, row_before in ROW_REWINDS.items():
        check_row_transition(row, row_before)
    for study, study_before in STUDY_REWINDS.items():
        check_study_transition(study, study_before)


def test_what_was_rewound_is_not_in_flight() -> None:
    assert not set(ROW_REWINDS) & set(ROW_REWINDS.values())
    assert not set(STUDY_REWINDS) & set(STUDY_REWINDS.values())


@given(st.sampled_from(StudyState), st.sampled_from(StudyState))
def test_a_step_that_the_table_does_not_list_is_refused(before: StudyState, after: StudyState) -> None:
    if after in STUDY_TRANSITIONS[before]:
        check_study_transition(before, after)
    else:
        with pytest.raises(ValueError, match=f"from {before} to {after}"):
            check_study_transition(before, after)


@given(st.sampled_from(RowState), st.sampled_from(RowState))
def test_a_row_takes_no_other_step_either(before: RowState, after: RowState) -> None:
    if after in ROW_TRANSITIONS[before]:
        check_row_transition(before, after)
    else:
        with pytest.raises(ValueError, match=f"from {before} to {after}"):
            check_row_transition(before, after)


@given(many_studies, st.randoms(use_true_random=False))
def test_order_and_repetition_of_studies_do_not_matter(studies: list[StudyState], random: Random) -> None:
    shuffled = studies + studies
    random.shuffle(shuffled)
    assert row_outcome(shuffled) is row_outcome(studies)


@given(many_studies)
def test_a_row_is_at_its_end_when_all_its_studies_are(studies: list[StudyState]) -> None:
    outcome = row_outcome(iter(studies))
    if set(studies) <= STUDY_ENDS:
        assert outcome in ROW_ENDS
        assert (outcome is RowState.DONE) == (set(studies) == {StudyState.DONE})
        assert (outcome is RowState.FAILED) == (set(studies) == {StudyState.FAILED})
    else:
        assert outcome is RowState.MATCHED


@pytest.mark.parametrize(
    ("studies", "outcome"),
    [
        ({StudyState.DONE}, RowState.DONE),
        ({StudyState.FAILED}, RowState.FAILED),
        ({StudyState.PARTIAL}, RowState.PARTIAL),
        ({StudyState.DONE, StudyState.FAILED}, RowState.PARTIAL),
        ({StudyState.DONE, StudyState.PARTIAL}, RowState.PARTIAL),
        ({StudyState.DONE, StudyState.FOUND}, RowState.MATCHED),
        ({StudyState.FAILED, StudyState.MOVING}, RowState.MATCHED),
    ],
)
def test_a_row_whose_studies_ended_differently_is_partial(
    studies: set[StudyState], outcome: RowState
) -> None:
    assert row_outcome(studies) is outcome


@given(st.sampled_from(sorted(STUDY_ENDS)), many_studies, st.sampled_from(StudyState))
def test_a_row_can_follow_any_step_of_one_of_its_studies(
    before: StudyState, others: list[StudyState], start: StudyState
) -> None:
    for first in (before, start):
        for after in STUDY_TRANSITIONS[first]:
            was, becomes = row_outcome([first, *others]), row_outcome([after, *others])
            if was not in {becomes, RowState.DONE}:  # a done row stays, whatever else its studies do
                check_row_transition(was, becomes)


def test_a_row_without_studies_has_no_outcome() -> None:
    with pytest.raises(ValueError, match="without studies"):
        row_outcome([])
