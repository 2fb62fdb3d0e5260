"""Has people told of what a receiver needs them for: once while it lasts, and at most once an hour."""

import zlib
from collections.abc import Iterable, Mapping

from niffler_ops.clock import Clock
from niffler_ops.config.notices import ChannelKeys
from niffler_ops.errors import MissingInputError
from niffler_ops.notices import (
    CLOSE_SECONDS,
    Cause,
    Channel,
    Occasion,
    Outbox,
    RateLimit,
    channels_of,
    failure,
    notice_of,
)
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.showing.worries import Worry, of_its_work
from niffler_ops.realtime.status import ReceiverStatus, gather, status_text

LOOK = "niffler-status tells how it stands; .niffler/niffler.log what came before."
_WORDS = {  # a headline, and the next step
    Cause.FAILURE: ("ended", "Mend the cause and start niffler-meta again: it goes on where it was."),
    Cause.LISTENING: (
        "a port does not receive",
        "It keeps trying. What storescp said last is in .niffler/logs.",
    ),
    Cause.STORE: (
        "the store is away",
        "Bring the store back; nothing is lost meanwhile, but images stay on the disk.",
    ),
    Cause.REFUSED: (
        "the store refuses records",
        "Their images stay. niffler-status --json lists them under `refused`.",
    ),
    Cause.DISK: (
        "the disk is filling",
        "Make room. Images whose metadata is stored go first, the oldest of them before the others.",
    ),
    Cause.UNREADABLE: (
        "files cannot be read",
        "Look at them in .niffler/unreadable, and take them away.",
    ),
    Cause.SILENCE: ("a sender is silent", "Ask whether it was switched off, or sends elsewhere."),
}


class Telling:
    """Told by the service to look; it neither raises nor waits for anybody."""

    def __init__(
        self, keys: ChannelKeys, place: Place, clock: Clock, channels: Mapping[str, Channel] | None = None
    ) -> None:
        channels = channels_of(keys) if channels is None else channels
        self._place = place
        self._clock = clock
        self._wanted = bool(channels)
        self._outbox = Outbox(place.notices, channels, clock)
        self._limit = RateLimit(self._outbox.shelf.told())
        self._known: frozenset[str] = frozenset()
        self._outbox.start()

    def look(self, further: Iterable[Worry] = ()) -> None:
        """Tell of what is new among what the record says, and of these."""
        status = self._status() if self._wanted else None
        if status is None:
            return
        found = {occasion.key: occasion for occasion in map(_occasion, (*further, *of_its_work(status)))}
        # What the hour does not let through is told when it has passed, if it lasts so long.
        told = {key for key, one in found.items() if key in self._known or self._tell(one, status)}
        self._known = frozenset(told)

    def failed(self, error: Exception) -> None:
        """The service ends by this."""
        occasion = failure(error, asked_to_stop=False) if self._wanted else None
        if occasion is not None:
            self._tell(occasion, self._status())

    def close(self) -> None:
        """Give what is on its way a moment; the next start sends what is left."""
        self._outbox.close(lambda: CLOSE_SECONDS)

    def _tell(self, occasion: Occasion, status: ReceiverStatus | None) -> bool:
        now = self._clock.now()
        if not self._limit.lets(occasion.key, wall=now, monotonic=self._clock.monotonic()):
            return False
        headline, step = _WORDS[occasion.cause]
        notice = notice_of(
            occasion,
            work="Receiver",
            storage_folder=self._place.storage_folder,
            headline=headline,
            numbers=() if status is None else (status_text(status).strip(),),
            next_step=f"{step} {LOOK}",
            further={},
            now=now,
        )
        self._outbox.put(notice, told=self._limit.told)
        return True

    def _status(self) -> ReceiverStatus | None:
        try:
            return gather(self._place, self._clock)
        except (MissingInputError, OSError):
            return None


def _occasion(worry: Worry) -> Occasion:
    number = zlib.crc32(worry.about.encode()) if worry.about else None
    return Occasion(cause=Cause(worry.cause), reason=worry.text, number=number)
