"""Has people told of what a receiver needs them for: once while it lasts, and at most once an hour."""

import secrets
import socket
import textwrap
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from niffler_ops.clock import Clock, timestamp
from niffler_ops.config.notices import ChannelKeys
from niffler_ops.errors import MissingInputError, NifflerError
from niffler_ops.notices import Cause, Channel, Notice, Occasion, Outbox, RateLimit, channels_of, readable
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.showing.worries import Worry, of_its_work
from niffler_ops.realtime.status import ReceiverStatus, gather, status_text

CLOSE_SECONDS = 10.0
WIDTH = 76
_HEADLINES = {
    Cause.FAILURE: "ended",
    Cause.LISTENING: "a port does not receive",
    Cause.STORE: "the store is away",
    Cause.REFUSED: "the store refuses records",
    Cause.DISK: "the disk is filling",
    Cause.UNREADABLE: "files cannot be read",
    Cause.SILENCE: "a sender is silent",
}
_STEPS = {
    Cause.FAILURE: "Mend the cause and start niffler-meta again: it goes on where it was.",
    Cause.LISTENING: "It keeps trying. What storescp said last is in .niffler/logs.",
    Cause.STORE: "Bring the store back; nothing is lost meanwhile, but images stay on the disk.",
    Cause.REFUSED: "Their images stay. niffler-status --json lists them under `refused`.",
    Cause.DISK: "Make room. Images whose metadata is stored go first, the oldest of them before the others.",
    Cause.UNREADABLE: "Look at them in .niffler/unreadable, and take them away.",
    Cause.SILENCE: "Ask whether it was switched off, or sends elsewhere.",
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
        """The service ends by this; of a defect only the class is told, its text may hold an identifier."""
        if not self._wanted:
            return
        told = isinstance(error, NifflerError)
        reason = str(error) if told else f"a defect of this program: {type(error).__name__}"
        exit_status = error.exit_status if isinstance(error, NifflerError) else NifflerError.exit_status
        self._tell(Occasion(cause=Cause.FAILURE, reason=reason, exit_status=exit_status), self._status())

    def close(self) -> None:
        """Give what is on its way a moment; the next start sends what is left."""
        self._outbox.close(lambda: CLOSE_SECONDS)

    def _tell(self, occasion: Occasion, status: ReceiverStatus | None) -> bool:
        now = self._clock.now()
        if not self._limit.lets(occasion.key, wall=now, monotonic=self._clock.monotonic()):
            return False
        notice = _compose(occasion, self._place.storage_folder, status, now)
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


def _compose(
    occasion: Occasion, storage_folder: Path, status: ReceiverStatus | None, now: datetime
) -> Notice:
    folder, host = readable(str(storage_folder)), readable(socket.gethostname())
    headline, step = _HEADLINES[occasion.cause], _STEPS[occasion.cause]
    subject = readable(f"Niffler: {storage_folder.name}: {headline}")
    details: dict[str, Any] = {
        "cause": str(occasion.cause),
        "exit_status": occasion.exit_status,
        "reason": readable(occasion.reason),
        "next_step": step,
        "time": timestamp(now),
        "host": host,
        "storage_folder": folder,
        "subject": subject,
    }
    paragraphs = [
        f"Receiver into {folder}\non {host}: {headline}.",
        _wrapped(readable(occasion.reason)),
        "" if status is None else status_text(status).strip(),
        _wrapped(f"{step} niffler-status tells how it stands; .niffler/niffler.log what came before."),
    ]
    return Notice(
        id=f"{now:%Y%m%dT%H%M%S}-{occasion.key}-{secrets.token_hex(4)}",
        time=timestamp(now),
        subject=subject,
        body="\n\n".join(filter(None, paragraphs)) + "\n",
        details=details,
    )


def _wrapped(text: str) -> str:
    return textwrap.fill(text, WIDTH, break_long_words=False, break_on_hyphens=False)
