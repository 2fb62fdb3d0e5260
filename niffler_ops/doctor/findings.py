"""What a check found: one line with its result, and with the remedy where one is needed."""

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"  # an extraction may run all the same
    FAILURE = "failure"  # none can, until this is mended


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One line of niffler-doctor; `text` holds no identifier of a patient."""

    check: str
    result: Result
    text: str


def ok(check: str, text: str) -> Finding:
    """All is as it should be."""
    return _finding(check, Result.OK, text)


def warning(check: str, text: str) -> Finding:
    """Something to know or to look after."""
    return _finding(check, Result.WARNING, text)


def failure(check: str, text: str) -> Finding:
    """Something to mend; `text` says how."""
    return _finding(check, Result.FAILURE, text)


def _finding(check: str, result: Result, text: str) -> Finding:
    return Finding(check=check, result=result, text=" ".join(text.split()))
