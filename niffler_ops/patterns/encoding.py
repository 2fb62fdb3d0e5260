"""How a value is written into a path component, so that no two values are written alike.

Letters, digits and `. _ - + = , @ ^` stand for themselves, except a leading dot. Every other character
becomes `%XX` for each byte of its UTF-8, an empty value `%empty`, a date or number that is none `%invalid`;
a value too long for its component is cut and ends in `%%` and 128 bits of its SHA-256. The forms exclude
each other, so the encoding is injective. Names that differ only in case stay distinct only on a file system
that tells case.
"""

import hashlib
import re
from dataclasses import dataclass

EMPTY = "%empty"  # `e` is no digit of an escape, which are upper case
INVALID = "%invalid"  # nor is `i`
CUT = "%%"  # no escape begins so
MAX_COMPONENT = 255  # bytes; ext4, XFS, NFS and CIFS agree
MIN_ROOM = 64  # characters a value can always use: a UID stays whole

PUNCTUATION = "._+=,@^-"
_URL_PUNCTUATION = "._-"
_BROKEN_ESCAPE = re.compile(r"%[0-9A-F]?\Z")


@dataclass(frozen=True, slots=True)
class Encoder:
    """Writes values; `room` is the length that they may have, and `blank` what a space becomes."""

    room: int
    plain: re.Pattern[str]
    special: re.Pattern[str]
    blank: str

    def __call__(self, value: str) -> str:
        """The value as a part of a component."""
        if len(value) <= self.room and self.plain.fullmatch(value):
            return value
        return self._escaped(value) if value else EMPTY

    def _escaped(self, value: str) -> str:
        text = self.special.sub(_escape, value)
        if self.blank != "%20":
            text = text.replace("%20", self.blank)  # only a space became that
        if len(text) <= self.room:
            return text
        digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32].upper()
        return _BROKEN_ESCAPE.sub("", text[: self.room - len(digest) - len(CUT)]) + CUT + digest


def encoder(room: int, separator: str = "", *, url: bool = False) -> Encoder:
    """An encoder whose values do not contain `separator`; with `url` they look as in a URL."""
    kept = (_URL_PUNCTUATION if url else PUNCTUATION).replace(separator, "")
    plain = "A-Za-z0-9" + re.escape(kept)
    return Encoder(
        room=room,
        plain=re.compile(rf"(?!\.)[{plain}]+"),
        special=re.compile(rf"\A\.|[^{plain}]"),
        blank="+" if url and separator != "+" else "%20",
    )


def _escape(match: re.Match[str]) -> str:
    return "".join([f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass")])
