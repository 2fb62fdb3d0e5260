import sys
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.config.commented_json import JsonError, read_object

TWO_COMMAS = (
    "file.json:1:8: Illegal trailing comma"
    if sys.version_info >= (3, 13)
    else "file.json:1:11: Expecting property name"
)


def read(folder: Path, text: str) -> tuple[dict[str, Any], list[str]]:
    path = folder / "file.json"
    path.write_bytes(text.encode())
    return read_object(path, "file.json")


def test_comments_of_every_kind_are_left_out(tmp_path: Path) -> None:
    text = '// one\n{ # two\n "a": /* three\n four */ 1 // five\n}\n# six'
    assert read(tmp_path, text) == ({"a": 1}, [])


def test_what_looks_like_a_comment_inside_a_string_stays(tmp_path: Path) -> None:
    text = '{"url": "sqlite:///x", "colour": "#fff", "glob": "/*", "quote": "\\"// \\\\"} // "'
    assert read(tmp_path, text)[0] == {
        "url": "sqlite:///x",
        "colour": "#fff",
        "glob": "/*",
        "quote": '"// \\',
    }


def test_a_comma_after_the_last_entry_is_fine(tmp_path: Path) -> None:
    text = '{"a": [1, 2,], "b": ",]",\n // "c": 3,\n}'
    assert read(tmp_path, text)[0] == {"a": [1, 2], "b": ",]"}


def test_a_byte_order_mark_is_fine(tmp_path: Path) -> None:
    assert read(tmp_path, '\ufeff{"a": 1}')[0] == {"a": 1}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{\n  "a": 1,\n  "b" 2\n}', "file.json:3:7: Expecting ':' delimiter"),
        ('/* x\n */ {"a": }', "file.json:2:11: Expecting value"),
        ('{"a": 1\n  /* open', "file.json:2:3: a comment is not closed"),
        ('{"a": 1,, }', TWO_COMMAS),
        ('{"a": NaN}', "file.json: NaN is not allowed"),
        ("[1]", "file.json: list found; allowed: an object"),
        ("", "file.json:1:1: Expecting value"),
        ('{"a": "x\n"}', "file.json:1:9: Invalid control character at"),
        ("[" * 100_000, "file.json"),
    ],
)
def test_errors_name_line_and_column(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(JsonError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(complaint)


def test_repeated_keys_are_problems_with_their_lines(tmp_path: Path) -> None:
    value, problems = read(tmp_path, '{"a": 1,\n// "a": 2,\n"b": 2,\n"a": 3}')
    assert value == {"a": 3, "b": 2}
    assert problems == ["file.json: a: given twice (lines 1, 4); allowed: once"]


def test_a_file_in_another_encoding_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(b'{\n"a": "\xe9"}')
    with pytest.raises(JsonError, match=r"^file\.json:2: the text is not UTF-8$"):
        read_object(path, "file.json")


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(JsonError, match=r"^x: there is no such file$"):
        read_object(tmp_path / "absent", "x")
    with pytest.raises(JsonError, match=r"^x: cannot be read: Is a directory$"):
        read_object(tmp_path, "x")
