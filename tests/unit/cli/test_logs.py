"""The log's lines for machines, and its files, which neither grow for ever nor are read by others."""

import json
import logging
import stat
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.cli.logs import JsonFormatter, RotatedFile, start_logging
from niffler_ops.reporting.narration import short_name

UID = "1.2.840.99999.1.2.3"
log = logging.getLogger("niffler_ops.stages.query")


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    with warnings.catch_warnings():
        yield
    logging.raiseExceptions = True


def told(tmp_path: Path, *arguments: Any, **options: Any) -> dict[str, Any]:
    shown: list[str] = []
    stop = start_logging(tmp_path / "log", shown.append, extraction="/data/study", as_json=True)
    log.warning(*arguments, **options)
    stop()
    [line] = (tmp_path / "log").read_text(encoding="ascii").splitlines()
    assert shown == [line]
    entry: dict[str, Any] = json.loads(line)
    return entry


def test_a_line_is_an_object_with_time_level_and_extraction(tmp_path: Path) -> None:
    entry = told(tmp_path, "%d of %d rows", 1, 2)
    assert entry.pop("time").endswith("+00:00")
    assert entry == {
        "level": "WARNING",
        "logger": "niffler_ops.stages.query",
        "extraction": "/data/study",
        "message": "1 of 2 rows",
    }


def test_what_the_message_names_stands_by_itself(tmp_path: Path) -> None:
    entry = told(tmp_path, "Line %d: %s: %s (study %s)", 17, "failed", "no answer", short_name(UID))
    assert (entry["line"], entry["study"]) == (17, short_name(UID))


def test_what_the_record_has_comes_before(tmp_path: Path) -> None:
    entry = told(tmp_path, "Line 5 again", extra={"line": 6, "study": "0123abcd"})
    assert (entry["line"], entry["study"]) == (6, "0123abcd")


def test_no_uid_and_no_exception_text_is_told(tmp_path: Path) -> None:
    try:
        raise ValueError(UID)  # noqa: TRY301 - as a library would, about a header
    except ValueError:
        entry = told(tmp_path, "of %s", UID, exc_info=True)
    assert entry["error"] == "ValueError"
    assert entry["message"] == f"of {short_name(UID)}"
    assert UID not in json.dumps(entry)


def record(message: str) -> logging.LogRecord:
    """For letters that UTF-8 does not have: pytest's workers could not hand on a captured line with them."""
    return logging.LogRecord("x", logging.INFO, "", 0, message, (), None)


def test_many_lines_and_any_letters_stay_one_line() -> None:
    line = JsonFormatter("/data/study").format(record("a\nb\u2028ü\udc80"))
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line)["message"] == "a\nb\u2028ü\udc80"


def test_without_json_the_lines_are_for_people(tmp_path: Path) -> None:
    shown: list[str] = []
    stop = start_logging(tmp_path / "log", shown.append)
    log.info("%d of %d rows", 1, 2)
    stop()
    assert (tmp_path / "log").read_text(encoding="utf-8").endswith(" INFO 1 of 2 rows\n")


def test_a_path_that_is_no_utf_8_loses_no_line(tmp_path: Path) -> None:
    handler = RotatedFile(tmp_path / "log")
    handler.emit(record("a path \udc80"))
    handler.close()
    assert (tmp_path / "log").read_text(encoding="utf-8") == "a path \\udc80\n"


def emit(handler: RotatedFile, number: int) -> None:
    handler.emit(record(f"line {number:03} {'x' * 90}"))


def test_the_files_are_bounded_kept_in_order_and_private(tmp_path: Path) -> None:
    handler = RotatedFile(tmp_path / "log", most_bytes=1000, kept=3)
    for number in range(200):
        emit(handler, number)
    handler.close()
    files = [tmp_path / name for name in ("log.3", "log.2", "log.1", "log")]
    assert sorted(tmp_path.iterdir()) == sorted(files)
    assert all(path.stat().st_size <= 1000 for path in files)
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    numbers = [int(line.split()[1]) for path in files for line in path.read_text().splitlines()]
    assert numbers == list(range(numbers[0], 200))


def test_a_file_that_cannot_be_renamed_goes_on_growing(tmp_path: Path) -> None:
    handler = RotatedFile(tmp_path / "log", most_bytes=1000, kept=1)
    (tmp_path / "log.1").mkdir()
    for number in range(50):
        emit(handler, number)
    handler.close()
    assert len((tmp_path / "log").read_text().splitlines()) == 50


def test_an_earlier_log_is_continued(tmp_path: Path) -> None:
    for number in range(2):
        handler = RotatedFile(tmp_path / "log")
        emit(handler, number)
        handler.close()
    assert len((tmp_path / "log").read_text().splitlines()) == 2
