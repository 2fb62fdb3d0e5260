"""The keyword that was probably meant."""

from difflib import get_close_matches
from functools import cache

from pydicom.datadict import keyword_dict


def nearest_keyword(text: str) -> str | None:
    """The keyword of PS3.6 that is most like a text, or None where none is."""
    keywords = _keywords()
    close = get_close_matches(text.casefold(), keywords, n=1, cutoff=0.8)
    return keywords[close[0]] if close else None


@cache
def _keywords() -> dict[str, str]:
    return {keyword.casefold(): keyword for keyword in keyword_dict if keyword}
