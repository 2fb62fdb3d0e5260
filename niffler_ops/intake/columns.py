"""Which columns of a CSV are keys: those that the configuration names, or the header itself."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NoReturn

from niffler_ops.config import Config
from niffler_ops.config.attributes import is_attribute, keyword_of, likely_attribute
from niffler_ops.errors import InputError
from niffler_ops.intake.values import BLANKS
from niffler_ops.model import KeyColumn
from niffler_ops.querying import can_be_asked, level_of

_MOST_NAMED = 10  # columns in one message
_LONGEST_SHOWN = 60  # characters of a name


@dataclass(frozen=True, kw_only=True, slots=True)
class Columns:
    """The columns that are keys, and what an operator should know about the others."""

    keys: tuple[KeyColumn, ...]
    warnings: tuple[str, ...] = ()


def find_columns(config: Config, header: Sequence[str], line: int) -> Columns:
    """The key columns of a CSV with this header on this line; InputError where it lacks one."""
    place = f"{config.csv_file}:{line}"
    if config.keys_in_header:
        return _named_by_header(place, [cell.strip(BLANKS) for cell in header])
    problems = [
        f"{place}: {column.named_by}: column {column.index} found; allowed: 0 to {len(header) - 1}, the "
        "columns of the header"
        for column in config.key_columns
        if column.index >= len(header)
    ]
    if problems:
        raise InputError("\n".join(problems))
    return _with_months(place, config.key_columns, [cell.strip(BLANKS) for cell in header])


def _with_months(place: str, keys: Sequence[KeyColumn], header: Sequence[str]) -> Columns:
    """A column of StudyDate that the header calls StudyMonth holds months, as upstream has it."""
    found = tuple(
        replace(key, name="StudyMonth")
        if (key.name, header[key.index]) == ("StudyDate", "StudyMonth")
        else key
        for key in keys
    )
    warnings = tuple(
        f"{place}: {key.named_by}: StudyDate is asked for by month, YYYYMM, because column {key.index} is"
        " called StudyMonth"
        for key in found
        if key not in keys
    )
    return Columns(keys=found, warnings=warnings)


def keywords_in(header: Iterable[str]) -> list[str]:
    """The keywords that a header asks for, sorted."""
    return sorted(keyword_of(name) for cell in header if is_attribute(name := cell.strip(BLANKS)))


def _named_by_header(place: str, header: Sequence[str]) -> Columns:
    keys = [
        KeyColumn(keyword=keyword_of(name), name=name, index=index, optional=True)
        for index, name in enumerate(header)
        if is_attribute(name)
    ]
    if not keys:
        _no_keyword(place, header)
    problems = [*_unusable(keys), *_repeated(keys)]
    if not problems and all(level_of(key.keyword) != "STUDY" for key in keys):
        problems.append(
            "no column is a key of patient or study level, such as PatientID; allowed: at least one"
        )
    if problems:
        raise InputError("\n".join(f"{place}: {problem}" for problem in problems))
    return Columns(keys=tuple(keys), warnings=tuple(_carried_along(place, header)))


def _no_keyword(place: str, header: Sequence[str]) -> NoReturn:
    """Columns are told by number: what is taken for the header may be a line with identifiers."""
    likely = [
        f"column {index}: `{keyword}` is probably meant"
        for index, name in enumerate(header[:_MOST_NAMED])
        if name and (keyword := likely_attribute(name))
    ]
    hint = f" ({'; '.join(likely)})" if likely else ""
    raise InputError(
        f"{place}: no column is named by a DICOM keyword{hint}; allowed for ExtractionType `header`: "
        "PatientID, AccessionNumber, StudyDate, …, letter by letter"
    )


def _unusable(keys: Iterable[KeyColumn]) -> Iterable[str]:
    for key in keys:
        if not can_be_asked(key.keyword):
            yield f"column {key.index}: {key.name} cannot be a key; allowed: attributes whose value is text"


def _repeated(keys: Iterable[KeyColumn]) -> Iterable[str]:
    seen: dict[str, int] = {}
    for key in keys:
        earlier = seen.setdefault(key.keyword, key.index)
        if earlier != key.index:
            yield f"columns {earlier} and {key.index} both ask for {key.keyword}; allowed: one"


def _carried_along(place: str, header: Sequence[str]) -> Iterable[str]:
    likely = {name: likely_attribute(name) for name in header if name and not is_attribute(name)}
    for name, keyword in [pair for pair in likely.items() if pair[1]][:_MOST_NAMED]:
        yield (
            f"{place}: the column {name[:_LONGEST_SHOWN]!r} is carried along and not asked for; if it is "
            f"meant as a key, its name is {keyword}"
        )
    others = [name for name, keyword in likely.items() if not keyword]
    if others:
        names = ", ".join(repr(name[:_LONGEST_SHOWN]) for name in others[:_MOST_NAMED])
        more = f" and {len(others) - _MOST_NAMED} more" if len(others) > _MOST_NAMED else ""
        yield f"{place}: columns that are carried along and not asked for: {names}{more}"
