"""A limit that may differ by hour of day."""

import re
from collections.abc import Mapping
from typing import Any

from niffler_ops.config.kinds import Kind, number_within, parsed
from niffler_ops.model import HOURS, HourlyLimit

_HOURS = re.compile(r"\s*([01]?[0-9]|2[0-4])\s*-\s*([01]?[0-9]|2[0-4])\s*")


class Hourly(Kind):
    """A number, or numbers by hours: an object, or the same as text, for the command line."""

    def __init__(self, low: float, high: float, unit: str) -> None:
        self._low, self._high = low, high
        self.unit = unit
        self.allowed = (
            f'a number from {low:g} to {high:g}, or such numbers by hours, {{"7-19": 20, "19-7": 200}} or'
            ' "7-19: 20, 19-7: 200", no hour twice; hours that are not named have no limit'
        )

    def read(self, value: Any) -> HourlyLimit:
        """The limit of each hour."""
        value = parsed(value)
        if isinstance(value, str) and ":" in value:
            pairs = [entry.partition(":")[::2] for entry in value.split(",")]
        elif isinstance(value, Mapping):
            pairs = list(value.items())
        else:
            return HourlyLimit(by_hour=(self._number(value),) * HOURS)
        limits: list[float | None] = [None] * HOURS
        for name, number in pairs:
            for hour in self._hours(name):
                if limits[hour] is not None:
                    raise ValueError(self.allowed)
                limits[hour] = self._number(number)
        if not pairs:
            raise ValueError(self.allowed)
        return HourlyLimit(by_hour=tuple(limits))

    def _hours(self, name: str) -> list[int]:
        """The hours from the first to the one before the second, across midnight where it is smaller."""
        found = _HOURS.fullmatch(name)
        if found is None or found[1] == found[2]:
            raise ValueError(self.allowed)
        begin, end = int(found[1]), int(found[2])
        return [hour % HOURS for hour in range(begin, end if end > begin else end + HOURS)]

    def _number(self, value: Any) -> float:
        number = number_within(value, self._low, self._high)
        if number is None:
            raise ValueError(self.allowed)
        return number
