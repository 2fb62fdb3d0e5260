"""Kinds of values that say how a CSV is read: its columns and its dates."""

import re
from datetime import datetime
from typing import Any

from niffler_ops.config.kinds import Kind, Whole

_SAMPLE = datetime(2001, 2, 3, 4, 5, 6)  # noqa: DTZ001  only read back in its own format
_LAST_COLUMN = 16_383  # of a spreadsheet


class Column(Kind):
    """The number of a CSV column, the first being 0."""

    allowed = f"a column number from 0 to {_LAST_COLUMN}"
    unit = "column, the first is 0"

    def read(self, value: Any) -> int:
        """The number."""
        return Whole(0, _LAST_COLUMN).read(value)


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
