"""A file at which workers die is passed over, and no other."""

import os
from pathlib import Path

import pytest

from niffler_ops.postprocess.marker import Marker
from tests.support.processes import KILLED, run_python

FILES = ("a", "b", "c", "d", "e")
DIES = """
    import os, signal, sys
    from pathlib import Path
    from niffler_ops.postprocess.marker import Marker
    with Marker(Path(sys.argv[1])) as marker:
        for file, _ in marker.each(("a", "b", "c")):
            if file == "b":
                os.kill(os.getpid(), signal.SIGKILL)
"""


def die_at(path: Path, file: str) -> None:
    """Leave a marker as a worker does that is killed at this file."""
    marker = Marker(path)
    for reached, _ in marker.each(FILES):
        if reached == file:
            break
    os.close(marker._descriptor)


def end_at(path: Path, file: str, error: BaseException) -> None:
    with Marker(path) as marker:
        for reached, _ in marker.each(FILES):
            if reached == file:
                raise error


def passed_over(path: Path) -> str:
    with Marker(path) as marker:
        return "".join(file for file, deadly in marker.each(FILES) if deadly)


@pytest.mark.parametrize(
    ("deaths", "passed"),
    [
        ("", ""),
        ("a", ""),
        ("aa", "a"),
        ("cc", "c"),
        ("ccc", "c"),
        ("ee", "e"),
        ("ac", ""),
        ("ca", ""),
        ("cac", "c"),
        ("ccd", "c"),
    ],
)
def test_a_file_is_passed_over_once_two_workers_died_at_it(tmp_path: Path, deaths: str, passed: str) -> None:
    path = tmp_path / "markers" / "png-study"
    for file in deaths:
        die_at(path, file)
    assert passed_over(path) == passed
    assert not path.exists()


def test_a_real_death_is_seen(tmp_path: Path) -> None:
    for _ in range(2):
        assert run_python(DIES, tmp_path / "marker").returncode == KILLED
    assert passed_over(tmp_path / "marker") == "b"


@pytest.mark.parametrize("error", [SystemExit(143), ValueError("a defect")])
def test_an_end_in_order_is_not_held_against_a_file(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "marker"
    die_at(path, "b")
    with pytest.raises(type(error)):
        end_at(path, "b", error)
    assert not path.exists()
    assert passed_over(path) == ""


@pytest.mark.parametrize("content", [b"", b"7", b"\xff" * 24, b"one         two         "])
def test_a_damaged_marker_counts_for_nothing(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "marker"
    path.write_bytes(content)
    assert passed_over(path) == ""


def test_a_marker_is_private_and_no_link_is_followed(tmp_path: Path) -> None:
    with Marker(tmp_path / "markers" / "one"):
        assert (tmp_path / "markers" / "one").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "markers").stat().st_mode & 0o777 == 0o700
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic"):
        Marker(tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()
