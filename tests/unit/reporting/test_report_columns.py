"""The report's header holds the user's own names as they are, and ours beside them."""

from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.reporting.report import LINE, OUTCOME, column_names

OURS = (LINE, *OUTCOME)
names = st.text(max_size=5) | st.sampled_from(OURS) | st.sampled_from(OURS).map("niffler_{}".format)


def test_our_columns_stand_around_the_users() -> None:
    assert column_names(("PatientID", "Accession")) == ("line", "PatientID", "Accession", *OUTCOME)


def test_ours_give_way_to_a_column_of_the_same_name() -> None:
    header = column_names(("State", " line ", "niffler_line"))
    assert header[:4] == ("niffler_niffler_line", "State", " line ", "niffler_line")
    assert header[4:6] == ("niffler_state", "reason")


@given(st.lists(names))
def test_no_column_of_ours_is_taken_for_one_of_the_users(header: list[str]) -> None:
    columns = column_names(header)
    assert columns[1 : len(header) + 1] == tuple(header)
    ours = {columns[0], *columns[len(header) + 1 :]}
    assert len(ours) == len(OURS)
    assert not ours & set(header)
