"""Files in OutputFolder are seen whole, are private, and never stand in one another's way."""

from collections import Counter
from pathlib import Path

import pytest

from niffler_ops.errors import CannotWriteError
from niffler_ops.files import PART_VARIABLE, part_of
from niffler_ops.postprocess.outputs import LEVELS, Folders, write_output


def test_a_file_is_made_of_its_parts_with_the_folders_that_it_needs(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "c.png"
    write_output(path, [b"one ", b"", b"two ", b"three"])
    assert path.read_bytes() == b"one two three"
    assert path.stat().st_mode & 0o777 == 0o600
    assert {folder.stat().st_mode & 0o777 for folder in (tmp_path / "a", tmp_path / "a" / "b")} == {0o700}
    assert list(path.parent.iterdir()) == [path]


def test_a_file_is_replaced_as_a_whole_and_takes_up_what_a_crash_left(tmp_path: Path) -> None:
    path = tmp_path / "c.png"
    (tmp_path / ".c.png.part").write_bytes(b"half of something long")
    write_output(path, [b"first"])
    with path.open("rb") as reader:
        write_output(path, [b"second"])
        assert reader.read() == b"first"
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_two_machines_that_write_one_file_do_not_meet_before_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "c.png"
    monkeypatch.setenv(PART_VARIABLE, "one")
    others = part_of(path)
    others.write_bytes(b"fir")
    monkeypatch.setenv(PART_VARIABLE, "two")
    write_output(path, [b"first ", b"second"])
    assert (path.read_bytes(), others.read_bytes()) == (b"first second", b"fir")


def test_what_cannot_be_written_to_its_end_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        write_output(tmp_path / "c.png", [b"first", None])  # type: ignore[list-item]
    assert list(tmp_path.iterdir()) == []


def test_no_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / ".c.png.part").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotWriteError, match="symbolic"):
        write_output(tmp_path / "c.png", [b"content"])
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize(
    ("level", "folder"), [("patient", "P"), ("study", "P/ST"), ("series", "P/ST/SE")], ids=LEVELS
)
def test_pictures_stand_at_the_level_that_is_asked_for(level: str, folder: str) -> None:
    folders = Folders(Path("images"), level=level, most=0)
    assert {folders.take("P", "ST", "SE") for _ in range(9)} == {Path("images", folder)}


@pytest.mark.parametrize(
    ("level", "folders"),
    [("patient", ["P/ST-0001", "P/ST-0002", "P/ST-0003"]), ("series", ["P/ST/SE/0001", "P/ST/SE/0002"])],
)
def test_numbered_folders_take_so_many_pictures_and_no_more(level: str, folders: list[str]) -> None:
    taken = Folders(Path(), level=level, most=2)
    number = 2 * len(folders) - 1
    counts = Counter(str(taken.take("P", "ST", "SE")) for _ in range(number))
    assert sorted(counts) == folders
    assert list(counts.values()) == [2] * (len(folders) - 1) + [1]


def test_each_series_is_numbered_by_itself_and_studies_of_one_patient_do_not_share() -> None:
    taken = Folders(Path(), level="series", most=1)
    assert [str(taken.take("P", "ST", series)) for series in ("A", "B", "A")] == [
        "P/ST/A/0001",
        "P/ST/B/0001",
        "P/ST/A/0002",
    ]
    jobs = [Folders(Path(), level="patient", most=1) for _ in range(2)]
    assert jobs[0].take("P", "ST1", "A") != jobs[1].take("P", "ST2", "A")
