"""Looks again and again in a thread, so that keys and signals are heard while a disk does not answer."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from threading import Event, Thread

from niffler_ops.clock import Clock
from niffler_ops.errors import MissingInputError
from niffler_ops.reporting.watch.picture import Picture, Source

LOOK_SECONDS = 1.0
REST = 4  # times what a look takes


@dataclass(frozen=True, kw_only=True, slots=True)
class Look:
    """The newest picture, when it was taken, and why there is no newer one, "" where that is no matter."""

    picture: Picture
    at: datetime
    error: str = ""


class Looker:
    """`latest` is replaced from time to time; `told` is called then, by the thread."""

    def __init__(self, source: Source, clock: Clock, told: Callable[[], None]) -> None:
        """The first look is taken at once, and raises MissingInputError."""
        self._source = source
        self._clock = clock
        self._told = told
        self._ended = Event()
        self.defect: Exception | None = None
        self.latest = Look(picture=source.look(), at=clock.now())

    def start(self) -> None:
        """Look again and again; a daemon, because nobody can end a look at a disk that does not answer."""
        Thread(target=self._run, name="watch", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()

    def _run(self) -> None:
        took = 0.0
        while not self._ended.wait(max(LOOK_SECONDS, REST * took)):
            began = time.monotonic()
            try:
                self.latest = Look(picture=self._source.look(), at=self._clock.now())
            except MissingInputError as error:
                before = self.latest
                self.latest = Look(picture=before.picture, at=before.at, error=str(error))
            except Exception as error:  # noqa: BLE001 - raised again by whoever watches
                self.defect = error
            took = time.monotonic() - began
            self._told()


def waker() -> tuple[int, Callable[[], None], int]:
    """A descriptor that can be read after the function was called, and the one that signals may write to."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)

    def wake() -> None:
        try:
            os.write(writing, b"\0")
        except BlockingIOError:
            return  # it is awake

    return reading, wake, writing
