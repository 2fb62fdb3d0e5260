"""What is told of a CSV, without its values."""

from niffler_ops.doctor.findings import Result
from niffler_ops.doctor.listing import check_csv
from tests.unit.doctor.conftest import Configure


def test_a_good_list(configure: Configure) -> None:
    config = configure()
    config.csv_file.write_text("Accession\nACC1\nACC2\n")
    (finding,) = check_csv(config)
    assert finding.result is Result.OK
    assert finding.text.endswith("list.csv: 2 rows")


def test_refused_lines_are_named_up_to_a_number(configure: Configure) -> None:
    config = configure()
    config.csv_file.write_text("Accession\nACC1\n" + "SECRET*\n" * 12)
    (finding,) = check_csv(config)
    assert finding.result is Result.WARNING
    assert "12 of them refused: line 3: " in finding.text
    assert finding.text.endswith("2 more")
    assert "SECRET" not in finding.text


def test_a_list_that_cannot_be_used(configure: Configure) -> None:
    config = configure()
    assert [finding.result for finding in check_csv(config)] == [Result.FAILURE]
    config.csv_file.write_text("Accession\n" + "SECRET*\n" * 30)
    told = list(check_csv(config))
    assert {finding.result for finding in told} == {Result.FAILURE}
    assert len(told) == 11
