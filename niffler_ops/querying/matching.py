"""Whether what an archive returned is what was asked for (PS3.4 C.2.2.2)."""

import re
import unicodedata
from decimal import Decimal, InvalidOperation

from niffler_ops.querying.keywords import vr_of

_PADDING = " \0"
_ONE_VALUE = frozenset({"ST", "LT", "UT", "UR"})  # PS3.5 6.2: a backslash is a character of theirs
_OLD_DATE = re.compile(r"([0-9]{4})\.([0-9]{2})\.([0-9]{2})")  # ACR-NEMA's; PS3.5 6.2 asks to understand it
_DATE = re.compile(r"[0-9]{8}")
_FRACTION = re.compile(r"\.[0-9]+(?=$|[+-])")


def matches(keyword: str, asked: str, returned: str) -> bool:
    r"""Whether what was returned, values separated by `\`, is what was asked.

    Asked can be a value, a range of dates (`20240101-20240131`, an end may be open) or a list of UIDs. One
    matching value of several is enough. An empty `asked` is universal; an empty `returned`, which does not
    tell, is no match: the caller decides what it makes of it. Padding never counts. Names (PN) are compared
    without regard to case, as PS3.4 C.2.2.2.1 allows, and empty components and groups at their end do not
    count; a name asked in one group may be any group of the returned one. Numbers (IS, DS) are compared as
    numbers, everything else letter by letter.
    """
    if not asked or asked == returned:
        return True
    vr = vr_of(keyword)
    wanted, found = _values(vr, asked), _values(vr, returned)
    return any(_is_same(vr, key, value) for key in wanted for value in found if value)


def _values(vr: str, text: str) -> list[str]:
    parts = [text] if vr in _ONE_VALUE else text.split("\\")
    return [part.strip(_PADDING) for part in parts]


def _is_same(vr: str, key: str, value: str) -> bool:
    if key == value:
        return True
    if vr == "DA":
        return _is_in_dates(key, _OLD_DATE.sub(r"\1\2\3", value))
    if vr == "PN":
        return _is_same_name(key, value)
    if vr in {"IS", "DS"}:
        number = _number(key)
        return number is not None and number == _number(value)
    return vr in {"TM", "DT"} and _moment(key) == _moment(value)


def _is_in_dates(key: str, value: str) -> bool:
    first, separator, last = key.partition("-")
    if not separator:
        return key == value
    return bool(_DATE.fullmatch(value)) and first <= value and (not last or value <= last)


def _is_same_name(key: str, value: str) -> bool:
    wanted, found = _groups(key), _groups(value)
    return wanted == found or (len(wanted) == 1 and bool(wanted[0]) and wanted[0] in found)


def _groups(name: str) -> list[str]:
    """The component groups of a name (alphabetic, ideographic, phonetic; PS3.5 6.2.1.2), comparable."""
    folded = unicodedata.normalize("NFC", name).casefold()
    groups = [
        "^".join(component.strip(_PADDING) for component in group.split("^")).rstrip("^")
        for group in folded.split("=")
    ]
    while len(groups) > 1 and not groups[-1]:
        groups.pop()
    return groups


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _moment(text: str) -> str:
    """A time without the zeros that only lengthen its fraction of a second."""
    return _FRACTION.sub(lambda match: match[0].rstrip("0").rstrip("."), text)
