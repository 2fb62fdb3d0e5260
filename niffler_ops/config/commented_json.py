"""JSON with comments (`//` and `#` to the end of the line, `/* … */`) and a comma after a last entry."""

import json
import re
from pathlib import Path
from typing import Any

# A string first, so that what looks like a comment inside it is left alone.
_STRING = r'"(?:[^"\\\n]|\\.)*"'
_STRING_OR_COMMENT = re.compile(_STRING + r"|//[^\n]*|#[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_STRING_OR_LAST_COMMA = re.compile(_STRING + r"|,(?=\s*[}\]])")


class JsonError(ValueError):
    """What is wrong with a file; the text says where."""


def read_object(path: Path, label: str) -> tuple[dict[str, Any], list[str]]:
    """The object that a file holds, and a problem for each key that it gives twice.

    JsonError where the file cannot be read as one object; every text begins with `label`.
    """
    text = _read_text(path, label)
    code = _without_last_commas(_without_comments(text, label))
    repeated: dict[str, None] = {}

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(found)
        if len(result) < len(found):
            names = [name for name, _ in found]
            repeated.update((name, None) for name in result if names.count(name) > 1)
        return result

    try:
        value = json.loads(code, object_pairs_hook=pairs, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise JsonError(f"{label}:{error.lineno}:{error.colno}: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise JsonError(f"{label}: {error}") from error
    if not isinstance(value, dict):
        raise JsonError(f"{label}: {type(value).__name__} found; allowed: an object, {{ … }}")
    return value, [f"{label}: {name}: given twice{_lines(code, name)}; allowed: once" for name in repeated]


def _read_text(path: Path, label: str) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise JsonError(f"{label}: there is no such file") from error
    except OSError as error:
        raise JsonError(f"{label}: cannot be read: {error.strerror}") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise JsonError(f"{label}:{line}: the text is not UTF-8") from error


def _without_comments(text: str, label: str) -> str:
    """The text with blanks for comments, so that positions in it stay right."""

    def blank(match: re.Match[str]) -> str:
        found = match[0]
        if found.startswith('"'):
            return found
        if found.startswith("/*") and (not found.endswith("*/") or found == "/*/"):
            line = text.count("\n", 0, match.start()) + 1
            column = match.start() - text.rfind("\n", 0, match.start())
            raise JsonError(f"{label}:{line}:{column}: a comment is not closed")
        return re.sub(r"[^\n]", " ", found)

    return _STRING_OR_COMMENT.sub(blank, text)


def _without_last_commas(code: str) -> str:
    """The text with a blank for the comma after a last entry, as where the entries behind it are comments."""
    return _STRING_OR_LAST_COMMA.sub(lambda match: " " if match[0] == "," else match[0], code)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not allowed")


def _lines(code: str, name: str) -> str:
    """Where a key stands, for a message."""
    spelt = re.escape(json.dumps(name, ensure_ascii=False))
    lines = [str(code.count("\n", 0, match.start()) + 1) for match in re.finditer(rf"{spelt}\s*:", code)]
    return f" (lines {', '.join(lines)})" if lines else ""
