"""What defines the query: which CSV columns are which keys, and how its dates are written."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationInfo

from niffler_ops.config.kinds import LATER, Kind, Whole
from niffler_ops.patterns import FilePattern

QUERIES: Mapping[str, Mapping[str, str]] = {
    "empi_accession": {"patient_index": "PatientID", "accession_index": "AccessionNumber"},
    "accession": {"accession_index": "AccessionNumber"},
    "empi_date": {"patient_index": "PatientID", "date_index": "StudyDate"},
}
"""For each ExtractionType, the keys that name columns and the attribute that each column holds."""

_LISTING_MODES = frozenset({"CFIND-ONLY", "CFIND-DETAILED"})
_SAMPLE = datetime(2001, 2, 3, 4, 5, 6)  # noqa: DTZ001  only read back in its own format
_LAST_COLUMN = 16_383  # of a spreadsheet


class Column(Kind):
    """The number of a CSV column, the first being 0; needed or not by ExtractionType."""

    allowed = f"a column number from 0 to {_LAST_COLUMN}"
    unit = "column, the first is 0"

    def read_in(self, value: Any, info: ValidationInfo) -> int | None:
        """The number, or None where it is absent and not needed."""
        extraction = info.data.get("extraction_type")
        needed = QUERIES.get(extraction or "", {})
        if value is None:
            if info.field_name in needed:
                raise ValueError(f"{self.allowed}, because ExtractionType `{extraction}` needs it")
            return None
        column = Whole(0, _LAST_COLUMN).read(value)
        if info.field_name in needed and any(info.data.get(other) == column for other in needed):
            raise ValueError(f"another column than the other keys of ExtractionType `{extraction}` name")
        return column


class DateFormat(Kind):
    """Python's notation of a date's format; `%%` is understood as `%`, as upstream's examples have it."""

    allowed = "a format with year, month and day in the letters of strptime, such as `%Y%m%d` or `%m/%d/%y`"

    def read(self, value: Any) -> str:
        """A format that strptime reads back to the same day."""
        if not isinstance(value, str) or not value.strip():
            raise ValueError(self.allowed)
        pattern = re.sub("%+", "%", value.strip())
        try:
            day = datetime.strptime(_SAMPLE.strftime(pattern), pattern).date()  # noqa: DTZ007  days have no zone
        except (ValueError, re.error) as error:
            raise ValueError(self.allowed) from error
        if day != _SAMPLE.date():
            raise ValueError(self.allowed)
        return pattern


class Pattern(Kind):
    """A FilePath."""

    allowed = "a pattern such as `{00100020}/{0020000D}/{0020000E}/{00080018}.dcm`"

    def read(self, value: Any) -> FilePattern:
        """The parsed pattern."""
        if isinstance(value, FilePattern):
            return value
        text = value.strip() if isinstance(value, str) else ""
        if text.upper() in _LISTING_MODES:
            raise ValueError(f"{self.allowed} ({text.upper()} {LATER})")
        try:
            return FilePattern.parse(text)
        except ValueError as error:
            raise ValueError(f"{self.allowed}; {error}") from error
