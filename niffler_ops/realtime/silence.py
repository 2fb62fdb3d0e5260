"""Senders that usually send and do not: reported once, until they are heard again."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

LEAST_INSTANCES = 50
LEAST_SECONDS = 3600.0
TIMES_ITS_GAP = 3.0

log = logging.getLogger(__name__)


def is_silent(source: Mapping[str, Any], now: datetime) -> bool:
    """Whether it has been silent for three times as long as it ever was, and for an hour at least."""
    quiet = (now - datetime.fromisoformat(source["last_at"])).total_seconds()
    usual = max(LEAST_SECONDS, TIMES_ITS_GAP * source["longest_gap"])
    return bool(source["instances"] >= LEAST_INSTANCES and quiet > usual)


class Silence:
    """Remembers whose silence was reported."""

    def __init__(self) -> None:
        self._reported: set[str] = set()

    def look(self, sources: Iterable[Mapping[str, Any]], now: datetime) -> None:
        """Report who has fallen silent."""
        for source in sources:
            aet = source["aet"]
            if not is_silent(source, now):
                self._reported.discard(aet)
            elif aet not in self._reported:
                self._reported.add(aet)
                log.warning("Nothing has come from %s since %s", aet, source["last_at"])
