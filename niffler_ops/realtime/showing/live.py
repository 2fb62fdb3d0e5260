"""Receivers as the live page shows them, side by side with extractions."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from niffler_ops.clock import Clock
from niffler_ops.errors import MissingInputError
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.showing import words
from niffler_ops.realtime.showing.machine import SeenReceiver, examined, of_this_machine
from niffler_ops.realtime.showing.metrics import receiver_metrics
from niffler_ops.realtime.showing.page import ReceiverPage, read_receiver_page
from niffler_ops.realtime.showing.worries import worries
from niffler_ops.realtime.status import is_receiver
from niffler_ops.reporting.page.rendering import render
from niffler_ops.reporting.page.selection import Selection
from niffler_ops.reporting.page.words import pace
from niffler_ops.reporting.serving.sharing import Shared
from niffler_ops.reporting.serving.showing import Card, Seen, View, Watched, key_of
from niffler_ops.reporting.serving.watching import NO_ANSWER

PARTS = ("headline", "summary", "senders", "work")


class ReceiverWatch:
    """Looks at one receiver while somebody looks at its page."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder = folder
        self.key = key_of(folder)
        self._last: ReceiverPage | None = None
        self._pages = Shared(partial(read_receiver_page, Place(folder), clock))

    async def look(self, _selection: Selection) -> View:
        """What was read last; where nothing can be read, what was read before."""
        try:
            self._last = await self._pages.get()
        except (TimeoutError, MissingInputError) as error:
            return _view(self._last, str(error) or NO_ANSWER)
        return _view(self._last)


class LiveReceivers:
    """Those of this machine, or in the folders that were named."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def has(self, folder: Path) -> bool:
        """Whether one works, or has worked, there."""
        return is_receiver(Place(folder))

    def watch(self, folder: Path) -> Watched:
        """To look at one."""
        return ReceiverWatch(folder, self._clock)

    def look(self, folders: Sequence[Path] | None) -> Seen:
        """Those in these folders, or of this machine; at work first."""
        found = of_this_machine(self._clock) if folders is None else examined(folders, self._clock)
        return Seen(
            cards=[_card(one) for one in found],
            metrics=lambda: receiver_metrics(one.status for one in found if one.status),
        )


def _view(page: ReceiverPage | None, trouble: str = "") -> View:
    status = page and page.status
    title = f"{pace(status.receiver['rate'])} a second, {status.state}" if status else "unreadable"
    return View(
        template="receiver_live.html",
        title=f"{title} · Niffler receiver",
        source="the record",
        values={"status": status, "page": page},
        parts={} if page is None else _parts(page),
        trouble=trouble,
        whole=not trouble,
    )


def _parts(page: ReceiverPage) -> dict[str, str]:
    templates = {name: f"receiver_{name}" for name in PARTS} | {"charts": "figures"}
    return {
        name: render(f"fragments/{template}.html", page=page, status=page.status, live=True)
        for name, template in templates.items()
    }


def _card(one: SeenReceiver) -> Card:
    status = one.status
    return Card(
        key=key_of(one.folder),
        kind="Receiver",
        storage_folder=str(one.folder),
        state=one.state,
        words="" if status is None else words.state_words(status),
        worries=() if status is None else worries(status),
        figures=() if status is None else tuple(words.figures(status)),
        note=one.note,
    )
