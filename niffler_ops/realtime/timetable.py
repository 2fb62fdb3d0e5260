"""The nightly hour, by the package schedule, which reads the time of day from the module datetime."""

import datetime as dt
from types import SimpleNamespace

import schedule

from niffler_ops.clock import Clock

LONGEST_WAIT = dt.timedelta(hours=25)  # a day of the autumn in which the clock goes back


class Timetable:
    """One job a day, at an hour of local time; one that was slept through comes as soon as possible, once."""

    def __init__(self, hour: int, clock: Clock, last: dt.datetime | None = None) -> None:
        """`last`: when it was done last, with zone; an hour since then was missed, and is made up for."""

        class Now(dt.datetime):
            """The clock that everything goes by, naive and local as schedule has it."""

            @classmethod
            def now(cls, tz: dt.tzinfo | None = None) -> dt.datetime:  # type: ignore[override]
                return clock.now().astimezone(tz).replace(tzinfo=None)

        schedule.datetime = SimpleNamespace(  # type: ignore[attr-defined, assignment]
            datetime=Now, timedelta=dt.timedelta, time=dt.time, date=dt.date
        )
        self._scheduler = schedule.Scheduler()
        self._hour = hour
        self._now = Now.now
        self._due = last is not None and last.astimezone().replace(tzinfo=None) < self._latest()
        self._set()

    def is_due(self) -> bool:
        """Whether the hour has come since the last time."""
        moment = self._scheduler.next_run
        if moment and moment - self._now() > LONGEST_WAIT:  # the clock was ahead when it was set
            self._scheduler.clear()
            self._set()
            self._due = True  # rather once too often than not for weeks
        self._scheduler.run_pending()
        due, self._due = self._due, False
        return due

    def next_run(self) -> str | None:
        """When it comes next: ISO 8601 with zone."""
        moment = self._scheduler.next_run
        return moment.astimezone().isoformat(timespec="seconds") if moment else None

    def _latest(self) -> dt.datetime:
        """When the hour has come last."""
        now = self._now()
        today = now.replace(hour=self._hour, minute=0, second=0, microsecond=0)
        return today if today <= now else today - dt.timedelta(days=1)

    def _set(self) -> None:
        self._scheduler.every().day.at(f"{self._hour:02d}:00").do(self._ring)

    def _ring(self) -> None:
        self._due = True
