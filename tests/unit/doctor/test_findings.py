"""A finding is one line."""

from niffler_ops.doctor.findings import Result, failure, ok, warning


def test_a_text_of_several_lines_becomes_one() -> None:
    assert failure("port", "one\n  two").text == "one two"


def test_each_result_has_its_word() -> None:
    results = [made("port", "").result for made in (ok, warning, failure)]
    assert results == [Result.OK, Result.WARNING, Result.FAILURE] == ["ok", "warning", "failure"]
