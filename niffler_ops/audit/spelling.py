"""How a value may be spelled: case, accents, escapes, encodings. Both sides of the search go through here."""

import base64
import binascii
import html
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import unquote

_WORD = re.compile(r"\d+(?:\.\d+)+|[^\W_]+")
_UID = re.compile(r"(?<![\d.])\d+(?:\.\d+){2,}")
_GLUED = re.compile(r"([^\W\d_]*)(\d+)([^\W\d_]*)")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))")
_ENCODED = 12
_BASE64 = re.compile(rf"[A-Za-z0-9+/_-]{{{_ENCODED},}}={{0,2}}")
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){6,}")
_PART = 3
_PRINTABLE = 0.9
# Zero-width characters, soft hyphens, direction marks, controls, and letters that show nothing.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20dd-\u20e4\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
_IDEOGRAPHS = "\u2e80"  # from here on, one or two characters make a name
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u2e80-\U0003ffff]"
)  # Thai, Lao, and East Asia: words stand side by side
_ESCAPE_SEQUENCE = re.compile(r"\x1b[$(),\-.]{1,2}[@-z]")
# Hiragana as katakana, and the line that makes an Arabic word longer.
_ALIKE = str.maketrans({chr(code): chr(code + 96) for code in range(ord("ぁ"), ord("ゖ") + 1)} | {"ـ": ""})
_LEAST_WITHIN, _MOST_WITHIN = 2, 12


def without_escapes(text: str) -> str:
    """Without the escape sequences of ISO 2022, which pydicom leaves in the text at times."""
    return _ESCAPE_SEQUENCE.sub("", text) if "\x1b" in text else text


def visible(text: str) -> str:
    """The text as it is seen: nothing that shows nothing, and wide letters and digits as plain ones."""
    seen = _UNSEEN.sub("", without_escapes(text))
    return seen if seen.isascii() else unicodedata.normalize("NFKC", seen)


@lru_cache(maxsize=1 << 16)
def fold(text: str) -> str:
    """Without case and accents, full and half width alike, and both kinds of kana."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join([character for character in decomposed if unicodedata.category(character) != "Mn"])
    return unicodedata.normalize("NFC", bare).translate(_ALIKE).casefold()


def words(text: str) -> list[str]:
    """The words and numbers of a text, folded; a number with dots is one of them."""
    return _WORD.findall(fold(text))


def uids(text: str) -> list[str]:
    """Everything written like a UID of three or more components."""
    return _UID.findall(text) if text.count(".") > 1 else []


def parts(word: str) -> tuple[str, ...]:
    """The letters and the digits of a word like idP000123x; none where they alternate, as in digests."""
    match = _GLUED.fullmatch(word)
    if match is None or match[2] == word:
        return ()
    return tuple(part for part in match.groups() if len(part) >= _PART)


def ideographic(word: str) -> bool:
    """Whether it is written in characters of which few make a name."""
    return any(character >= _IDEOGRAPHS for character in word)


def unspaced(word: str) -> bool:
    """Whether it is written in a script without spaces, so that a name is a part of a longer word."""
    return _UNSPACED.search(word) is not None


def within(word: str) -> Iterator[str]:
    """Every stretch of a word without spaces that may be a name."""
    for start in range(len(word) - _LEAST_WITHIN + 1):
        for end in range(start + _LEAST_WITHIN, min(start + _MOST_WITHIN, len(word)) + 1):
            yield word[start:end]


def readings(text: str) -> Iterator[str]:
    r"""The text, and what it says where parts of it are escaped: %41, &eacute;, é, base64, hexadecimal."""
    yield text
    if "%" in text and (plain := unquote(text)) != text:
        yield plain
    if "&" in text and (plain := html.unescape(text)) != text:
        yield plain
    if "\\" in text and (plain := _ESCAPE.sub(_unescaped, text)) != text:
        yield plain
    if len(text) >= _ENCODED:
        yield from _decoded(text)


def _unescaped(match: re.Match[str]) -> str:
    return chr(int(match[1] or match[2], 16))


def _decoded(text: str) -> Iterator[str]:
    for match in _HEX.finditer(text):
        yield from _as_text(bytes.fromhex(match[0]))
    for match in _BASE64.finditer(text):
        run = match[0].rstrip("=").replace("-", "+").replace("_", "/")
        try:
            content = base64.b64decode(run[: len(run) - (len(run) % 4 == 1)] + "=" * (-len(run) % 4))
        except (binascii.Error, ValueError):
            continue
        yield from _as_text(content)


def _as_text(content: bytes) -> Iterator[str]:
    """The bytes as text, where they are text."""
    trimmed = content.strip(b"\0 ")
    try:
        text = trimmed.decode()
    except UnicodeDecodeError:
        return
    if text and sum(map(str.isprintable, text)) >= _PRINTABLE * len(text):
        yield text
