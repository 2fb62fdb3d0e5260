"""What an archive says is no formula and no further line of a CFIND table."""

import csv
import io
import json

from niffler_ops.reporting.catalogue import _encoded, _values


def test_what_an_archive_says_is_no_formula_and_no_further_line() -> None:
    said = {"PatientName": '=HYPERLINK("x")', "PatientID": "@a\rb", "StudyDescription": "-5"}
    values = _values({"attributes": json.dumps(said)}, list(said))  # type: ignore[arg-type]
    assert values == ['\'=HYPERLINK("x")', "'@a\rb", "-5"]
    table = b"".join(_encoded(list(said), [values, ["2", "3", "4"]])).decode()
    assert list(csv.reader(io.StringIO(table, newline=""))) == [list(said), values, ["2", "3", "4"]]
    assert "\r\n" not in table
