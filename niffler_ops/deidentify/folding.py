"""Text as it is compared: without case, accents, marks and what nobody sees.

MÜLLER, Müller and Muller are one name, and so are やまだ and ヤマダ, and one with a zero-width space in it.
"""

import re
import unicodedata
from functools import lru_cache

# Letters that are no letter with a mark to Unicode, although people write them as one.
_ALIKE = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ħ": "h", "ŧ": "t"}
    | {"\N{LATIN SMALL LETTER DOTLESS I}": "i"}
    | {code: code + 0x60 for code in range(0x3041, 0x3097)}  # hiragana as katakana
)
_UMLAUTS = {"ae": "a", "oe": "o", "ue": "u"}
_UMLAUT_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
# Marks, and what nobody sees: zero-width characters, soft hyphens, direction marks, controls.
_UNSEEN = frozenset({"Mn", "Me", "Cf", "Cc", "Cs", "Co"})
_FILLERS = "\u115f\u1160\u0640"  # letters to Unicode, although they show nothing or, in Arabic, a longer line
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_SEPARATORS = re.compile(r"[\W_]+")
_ASCII_SEPARATORS = {code: None for code in range(128) if not chr(code).isalnum()}


def fold(text: str) -> str:
    """`text` as it is compared."""
    return text.lower() if _is_plain(text) else "".join(map(_folded, text))


def squeeze(folded: str) -> str:
    """A folded text without anything but letters and digits."""
    return folded.translate(_ASCII_SEPARATORS) if folded.isascii() else _SEPARATORS.sub("", folded)


def _is_plain(text: str) -> bool:
    return text.isascii() and _CONTROLS.search(text) is None


def fold_with_places(text: str) -> tuple[str, list[int]]:
    """The same, and for each of its characters the place in `text` that it comes from."""
    if _is_plain(text):
        return text.lower(), list(range(len(text)))
    folded = [_folded(character) for character in text]
    places = [place for place, letters in enumerate(folded) for _ in letters]
    return "".join(folded), places


def spellings(name: str) -> set[str]:
    """The folded forms in which a name is written: Müller is also Mueller, and Mueller also Muller."""
    folded = fold(name)
    collapsed = folded
    for double, single in _UMLAUTS.items():
        collapsed = collapsed.replace(double, single)
    return {folded, collapsed, fold(name.lower().translate(_UMLAUT_LETTERS))}


@lru_cache(maxsize=16_384)
def _folded(character: str) -> str:
    """One character; a mark, and what nobody sees, becomes nothing."""
    if character.isspace():
        return " "
    decomposed = unicodedata.normalize("NFKD", character.casefold().translate(_ALIKE))
    seen = (letter for letter in decomposed if unicodedata.category(letter) not in _UNSEEN)
    return "".join(_digit(letter) for letter in seen if letter not in _FILLERS).casefold()


def _digit(letter: str) -> str:
    """Digits of every script as those of ASCII; any other character as it is."""
    return str(unicodedata.decimal(letter, letter))
