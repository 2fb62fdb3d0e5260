"""Text as it is compared: without case, accents and marks, so that MÜLLER, Müller and Muller are one name."""

import unicodedata
from functools import lru_cache

# Letters that are no letter with a mark to Unicode, although people write them as one.
_ALIKE = str.maketrans(
    {"ø": "o", "đ": "d", "ł": "l", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d", "ħ": "h", "ŧ": "t"}
    | {"\N{LATIN SMALL LETTER DOTLESS I}": "i"}
)
_UMLAUTS = {"ae": "a", "oe": "o", "ue": "u"}
_UMLAUT_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})


def fold(text: str) -> str:
    """`text` as it is compared."""
    return text.lower() if text.isascii() else "".join(map(_folded, text))


def fold_with_places(text: str) -> tuple[str, list[int]]:
    """The same, and for each of its characters the place in `text` that it comes from."""
    if text.isascii():
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
    """One character; a mark becomes nothing."""
    decomposed = unicodedata.normalize("NFKD", character.casefold().translate(_ALIKE))
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter)).casefold()
