"""Watches an extraction, and has people told of what is worth it."""

import logging
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from niffler_ops.clock import Clock
from niffler_ops.config.notices import ChannelKeys, NoticeKeys
from niffler_ops.errors import NifflerError
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.notices import decide
from niffler_ops.notices.command import NotifyCommand
from niffler_ops.notices.mail import SmtpServer, SystemClient
from niffler_ops.notices.message import compose
from niffler_ops.notices.notice import Channel, Occasion
from niffler_ops.notices.outbox import Outbox
from niffler_ops.notices.pending import Shelf
from niffler_ops.reporting.status import Status, gather
from niffler_ops.stages.gate import Pause

FOLDER = "notices"
CLOSE_SECONDS = 10.0
HURRY_SECONDS = 1.0
MINUTE = 60

log = logging.getLogger(__name__)


def channels_of(keys: ChannelKeys) -> dict[str, Channel]:
    """The ways that the configuration asks for; none where nobody is to be told."""
    channels: dict[str, Channel] = {}
    if keys.send_email and keys.your_email:
        channels["mail"] = _mail(keys)
    if keys.notify_command:
        channels["command"] = NotifyCommand(keys.notify_command)
    return channels


def _mail(keys: ChannelKeys) -> Channel:
    if keys.mail_server is None:
        return SystemClient(to=keys.your_email, sender=keys.mail_from)
    return SmtpServer(
        server=keys.mail_server,
        security=keys.mail_security,
        to=keys.your_email,
        sender=keys.mail_from,
        login=keys.mail_login,
    )


class Notices:
    """Told by the supervisor what happens, it neither raises nor waits.

    `pause` gives the gate's pause, `troubles` what each archive's administrator has to see to.
    """

    def __init__(
        self,
        keys: NoticeKeys,
        layout: Layout,
        clock: Clock,
        *,
        pause: Callable[[], Pause | None],
        troubles: Callable[[], Sequence[str]] = list,
        channels: Mapping[str, Channel] | None = None,
    ) -> None:
        self._layout = layout
        self._clock = clock
        self._pause = pause
        self._troubles = troubles
        channels = channels_of(keys) if channels is None else channels
        self._wanted = bool(channels)
        self._outbox = Outbox(_folder(layout), channels, clock)
        self._limit = decide.RateLimit(self._outbox.shelf.told())
        self._stall = decide.StallWatch(keys.stall_minutes * MINUTE)
        self._trouble = decide.TroubleWatch()
        self._is_told_paused = False
        self._outbox.start()

    def show(self, ledger: Ledger) -> None:
        """Look whether it stands still, or wants a person; called every couple of seconds."""
        if not self._wanted:
            return
        pause = self._pause()
        now = self._clock.monotonic()
        stall = self._stall.look(ledger.tallies(), now=now, paused=pause is not None)
        if stall is not None:
            self.tell(stall)
        waits = decide.pause(pause)
        if waits is not None and not self._is_told_paused:
            self.tell(waits)
        self._is_told_paused = waits is not None
        for occasion in self._trouble.look(self._troubles()):
            self.tell(occasion)

    def completed(self, exit_status: int, *, moved: bool) -> None:
        """The run has come to its end; the ledger says `finished` already.

        Not told again where nothing has `moved` in it, as when cron starts what has been complete for days.
        """
        occasion = decide.completion(exit_status)
        if moved or not self._limit.has_told(occasion.key):
            self.tell(occasion)

    def failed(self, error: Exception, *, asked_to_stop: bool) -> None:
        """The run ends before that."""
        occasion = decide.failure(error, asked_to_stop=asked_to_stop)
        if occasion is not None:
            self.tell(occasion)

    def tell(self, occasion: Occasion) -> None:
        """Have people told, unless they were within the hour."""
        if not self._wanted:
            return
        now = self._clock.now()
        if not self._limit.lets(occasion.key, wall=now, monotonic=self._clock.monotonic()):
            log.info("No notice of this %s: there was one within the hour", occasion.cause)
            return
        notice = compose(occasion, storage_folder=self._layout.storage_folder, status=self._status(), now=now)
        self._outbox.put(notice, told=self._limit.told)

    def close(self, in_a_hurry: Callable[[], bool] = bool) -> None:
        """Give what is on its way a moment, at most 10 s; the next run sends what is left."""
        self._outbox.close(lambda: HURRY_SECONDS if in_a_hurry() else CLOSE_SECONDS)

    def _status(self) -> Status | None:
        try:
            return gather(self._layout, clock=self._clock)
        except (NifflerError, OSError, sqlite3.Error):
            return None  # a full disk, say: what happened is worth telling without numbers


def unsent(layout: Layout) -> int:
    """How many notices wait for the next run, or for a channel's next try."""
    return len(Shelf(_folder(layout)))


def _folder(layout: Layout) -> Path:
    return layout.private / FOLDER
