"""Kinds of values that hold several: words of a few, places, the words of a command, a store's URL."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import ValidationInfo

from niffler_ops.config.kinds import Kind, absolute, base_folder, parsed

SQLITE = "sqlite:///"
STORES = (SQLITE, "mongodb://", "mongodb+srv://", "file:///")


class Several(Kind):
    """A list out of a few words, each once; also as text with commas between them; `empty` where it is ""."""

    def __init__(self, *options: str, empty: tuple[str, ...] = ()) -> None:
        self._options = {option.casefold(): option for option in options}
        self._empty = empty
        self.allowed = "a list out of " + ", ".join(f"`{option}`" for option in options)

    def read(self, value: Any) -> tuple[str, ...]:
        """The words in our spelling, in the order in which they are given."""
        if value == {} or (isinstance(value, str) and not value.strip()):
            return self._empty
        words = _listed(value)
        if words is None:
            raise ValueError(self.allowed)
        for word in words:
            if word.casefold() not in self._options:
                likely = get_close_matches(word.casefold(), self._options, n=1)
                hint = f"; `{self._options[likely[0]]}` is probably meant" if likely else ""
                raise ValueError(self.allowed + hint)
        return tuple(dict.fromkeys(self._options[word.casefold()] for word in words))


class Places(Kind):
    """A file or folder, or a list of them; relative to the folder of the file that names them."""

    def __init__(self, allowed: str) -> None:
        self.allowed = allowed

    def read_in(self, value: Any, info: ValidationInfo) -> tuple[Path, ...]:
        """The absolute paths."""
        entries = value if isinstance(value, list) else [value]
        return tuple(absolute(entry, base_folder(info), self.allowed) for entry in entries if entry != "")


class Words(Kind):
    """A command and its arguments; no shell reads them."""

    allowed = 'a list of words such as `["/opt/site/convert", "--fast"]`, the first an absolute path'

    def read(self, value: Any) -> tuple[str, ...]:
        """The words; none where the list is empty."""
        words = parsed(value) if value != "" else []
        if not isinstance(words, list) or not all(
            isinstance(word, str) and "\0" not in word for word in words
        ):
            raise ValueError(self.allowed)
        if words and not Path(words[0]).is_absolute():
            raise ValueError(self.allowed)
        return tuple(words)


class StoreUrl(Kind):
    """Where records are stored; never shown, because it may hold a password."""

    allowed = (
        "`sqlite:///PATH`, `mongodb://HOST:PORT/DATABASE`, or `file:///PATH` of a file of mode 0600 that"
        " holds such a URL"
    )
    secret = True

    def read_in(self, value: Any, info: ValidationInfo) -> str:
        """The URL; the path of `sqlite:///` is relative to the folder of the file that names it."""
        text = value.strip() if isinstance(value, str) else ""
        if not text.startswith(STORES) or text in STORES or not text.isprintable():
            raise ValueError(self.allowed)
        if text.startswith(SQLITE):
            return SQLITE + str(absolute(text.removeprefix(SQLITE), base_folder(info), self.allowed))
        return text


def _listed(value: Any) -> list[str] | None:
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return [word.strip() for word in value]
    return None
