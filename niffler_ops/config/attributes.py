"""The names by which a configuration or a CSV header calls the attributes of a query."""

from collections.abc import Mapping
from typing import Any

from niffler_ops.config.kinds import Kind
from niffler_ops.querying import can_be_asked, is_keyword, likely_keyword, vr_of

PERIODS: Mapping[str, str] = {"StudyMonth": "StudyDate", "StudyYear": "StudyDate"}
"""Names of upstream that are no DICOM keywords, and the attribute of which they ask a range."""


def keyword_of(name: str) -> str:
    """The DICOM keyword that is asked for."""
    return PERIODS.get(name, name)


def is_attribute(name: str) -> bool:
    """Whether this names an attribute at all, letter by letter."""
    return name in PERIODS or is_keyword(name)


def likely_attribute(name: str) -> str | None:
    """The attribute that a misspelt name probably means, if any."""
    plain = name.casefold().replace(" ", "").replace("_", "").replace("-", "")
    return next((period for period in PERIODS if period.casefold() == plain), None) or likely_keyword(name)


class Attribute(Kind):
    """A matching key of the query."""

    allowed = "a DICOM keyword, such as `PatientID`, or `StudyMonth` or `StudyYear`"

    def read(self, value: Any) -> str:
        """The name, in the spelling of the standard."""
        name = value.strip() if isinstance(value, str) else ""
        if not is_attribute(name):
            likely = likely_attribute(name)
            raise ValueError(f"{self.allowed}; `{likely}` is probably meant" if likely else self.allowed)
        if not can_be_asked(keyword_of(name)):
            raise ValueError(f"{self.allowed}, whose value is text")
        return name


class DateAttribute(Attribute):
    """A matching key that is a date."""

    allowed = "the DICOM keyword of a date, such as `StudyDate`, or `StudyMonth` or `StudyYear`"

    def read(self, value: Any) -> str:
        """The name, in the spelling of the standard."""
        name = super().read(value)
        if vr_of(keyword_of(name)) != "DA":
            raise ValueError(self.allowed)
        return name
