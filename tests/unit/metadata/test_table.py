"""Tables from fragments: all columns, the same bytes again, harmless cells, little memory."""

import csv
import stat
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.errors import ConfigurationError
from niffler_ops.metadata import fragments_in, survey, write_csv, write_fragment, write_parquet
from niffler_ops.metadata.table import DamagedFragmentError, cell
from tests.support.effort import grows_with_the_length_alone
from tests.support.processes import KILLED, run_python

ROWS: list[dict[str, Any]] = [
    {"SOPInstanceUID": "2.25.1", "Modality": "CT", "SliceThickness": 2.5, "InstanceNumber": -5},
    {"SOPInstanceUID": "2.25.2", "ImageType": ["ORIGINAL", None, "AXIAL"], "Empty": "", "None": None},
    {"SOPInstanceUID": "2.25.3", "PixelSpacing": [-0.5, 0.25], "Sequence": [{"CodeValue": "=1"}]},
    {"SOPInstanceUID": "2.25.4", "StudyDescription": 'Schädel, "quer"\nund längs', "InstanceNumber": 7},
]


@pytest.fixture
def fragments(tmp_path: Path) -> list[Path]:
    """Two fragments in a folder, and what is none."""
    folder = tmp_path / "fragments"
    folder.mkdir()
    write_fragment(folder / "b.jsonl", ROWS[2:])
    write_fragment(folder / "a.jsonl", ROWS[:2])
    (folder / ".c.jsonl.12.part").write_text("half a li", encoding="utf-8")
    return fragments_in(folder)


def read(path: Path) -> list[dict[str, str]]:
    """What a program that knows CSV makes of it."""
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def test_one_table_with_all_columns(fragments: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    assert write_csv(path, fragments) == 4
    rows = read(path)
    assert list(rows[0]) == [
        *("SOPInstanceUID", "ImageType", "InstanceNumber", "Modality", "PixelSpacing", "Sequence"),
        *("SliceThickness", "StudyDescription"),
    ]
    assert [row["SOPInstanceUID"] for row in rows] == ["2.25.1", "2.25.2", "2.25.3", "2.25.4"]
    assert (rows[0]["SliceThickness"], rows[0]["InstanceNumber"]) == ("2.5", "-5")
    assert rows[1]["ImageType"] == "ORIGINAL\\\\AXIAL"
    assert rows[2]["PixelSpacing"] == "-0.5\\0.25"
    assert rows[2]["Sequence"] == '[{"CodeValue":"=1"}]'
    assert rows[3]["StudyDescription"] == ROWS[3]["StudyDescription"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_same_fragments_give_the_same_bytes(fragments: list[Path], tmp_path: Path) -> None:
    write_csv(tmp_path / "one.csv", fragments)
    write_csv(tmp_path / "two.csv", fragments)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_fixed_columns(fragments: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "mapping.csv"
    write_csv(path, fragments, ["png", "SOPInstanceUID"])
    assert path.read_text(encoding="utf-8").splitlines()[:2] == ["png,SOPInstanceUID", ",2.25.1"]
    write_csv(path, [], ["png", "SOPInstanceUID", "frame"])
    assert path.read_text(encoding="utf-8") == "png,SOPInstanceUID,frame\n"


def test_a_survey_of_columns(fragments: list[Path]) -> None:
    columns = survey(fragments)
    assert (columns.rows, columns.filled["InstanceNumber"]) == (4, 2)
    assert columns.common() == ["SOPInstanceUID"]
    assert columns.names(["Modality", "Absent"])[:2] == ["Modality", "ImageType"]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        "+cmd|' /C calc'!A0",
        "-2+3",
        "@SUM(A1)",
        "\tx",
        "\r=1",
        "\n=1",
        "\uff1d1",
        "-",
        "-5-1",
        "=",
        "+1\\=x",
    ],
)
def test_what_a_spreadsheet_would_run_is_made_harmless(text: str) -> None:
    assert cell(text) == f"'{text}"


@pytest.mark.parametrize(
    "value", [-5, -0.5, 1e-7, -1e300, "-5", "+5", "-1.5e3", "-1\\-2\\", "a=b", " =1", "1-2", ""]
)
def test_numbers_and_other_texts_stay_as_they_are(value: float | str) -> None:
    assert cell(value) == str(value)
    assert isinstance(value, str) or type(value)(cell(value)) == value


@pytest.mark.parametrize("unit", ["1", "0", "1.", "1\\"])
def test_a_long_cell_takes_no_more_than_its_length(unit: str) -> None:
    assert grows_with_the_length_alone(lambda text: cell(f"+{text}"), unit)


def test_a_fragment_written_again_replaces_the_first(fragments: list[Path], tmp_path: Path) -> None:
    write_fragment(fragments[0], ROWS[:1])
    assert write_csv(tmp_path / "metadata.csv", fragments) == 3


@pytest.mark.parametrize("content", [b"{\n", b"[]\n", b'{"a":1}\n\xff\n', b"\n"])
def test_a_damaged_fragment_is_named_with_its_line_and_no_table_is_made(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(content)
    with pytest.raises(DamagedFragmentError, match=r"x\.jsonl, line \d"):
        write_csv(tmp_path / "metadata.csv", [path])
    with pytest.raises(DamagedFragmentError):
        write_parquet(tmp_path / "metadata.parquet", [path])
    assert [found.name for found in tmp_path.iterdir()] == ["x.jsonl"]


def test_nobody_sees_half_a_table(fragments: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "metadata.csv"
    write_csv(path, fragments[:1])
    before = path.read_bytes()
    code = """
        import sys
        from pathlib import Path
        from niffler_ops.metadata import fragments_in, write_csv
        write_csv(Path(sys.argv[2]), fragments_in(Path(sys.argv[1])))
    """
    killed = run_python(code, fragments[0].parent, path, NIFFLER_FAILPOINT="rename-before")
    assert killed.returncode == KILLED
    assert path.read_bytes() == before


def test_thousands_of_columns_and_many_rows_take_little_memory(tmp_path: Path) -> None:
    fragments = []
    for number in range(20):
        fragments.append(tmp_path / f"{number:03d}.jsonl")
        write_fragment(
            fragments[-1],
            (
                {"SOPInstanceUID": f"2.25.{number}.{row}"}
                | {f"Column{(number * 100 + place) % 3000}": row for place in range(150)}
                for row in range(100)
            ),
        )
    tracemalloc.start()
    try:
        assert write_csv(tmp_path / "metadata.csv", fragments) == 2000
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (tmp_path / "metadata.csv").stat().st_size > 4_000_000
    assert peak < 12_000_000


def test_parquet_keeps_numbers(fragments: list[Path], tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed: pip install pyarrow")
    path = tmp_path / "metadata.parquet"
    write_fragment(fragments[0].with_name("c.jsonl"), [{"SOPInstanceUID": "2.25.5", "SliceThickness": 3}])
    assert write_parquet(path, fragments_in(fragments[0].parent)) == 5
    table = parquet.read_table(path).to_pydict()
    assert list(table)[:2] == ["SOPInstanceUID", "ImageType"]
    assert table["SliceThickness"] == [2.5, None, None, None, 3.0]
    assert table["InstanceNumber"] == [-5, None, None, 7, None]
    assert table["PixelSpacing"][2] == "-0.5\\0.25"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not list(tmp_path.glob(".*.part"))
    assert write_parquet(path, fragments, ["png", "SOPInstanceUID"]) == 4
    assert parquet.read_table(path).to_pydict()["png"] == [None] * 4


def test_without_pyarrow_the_remedy_is_named(
    fragments: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ConfigurationError, match="pip install"):
        write_parquet(tmp_path / "metadata.parquet", fragments)
