"""What is shown: the folders that were named, or what works on this machine as it comes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from niffler_ops.clock import Clock
from niffler_ops.reporting.page.headline import figures, state_words
from niffler_ops.reporting.prometheus import metrics_text
from niffler_ops.reporting.registry import GONE, Extraction, examine, extractions
from niffler_ops.reporting.serving.sharing import PATIENCE, Shared, in_thread
from niffler_ops.reporting.serving.showing import Card, Receivers, Seen, Watched, key_of
from niffler_ops.reporting.serving.watching import Watch


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    """What was read last of all that is shown."""

    extractions: Sequence[Extraction]
    receivers: Seen


class Board:
    """Without `folders`: what `niffler-status` lists, looked up again whenever somebody looks."""

    def __init__(
        self, folders: Sequence[Path], clock: Clock, receivers: Receivers, *, identifiers: bool
    ) -> None:
        self._folders = list(dict.fromkeys(folder.absolute() for folder in folders))
        self._clock = clock
        self._receivers = receivers
        self._identifiers = identifiers
        self._known = {key_of(folder): folder for folder in self._folders}
        self._watches: dict[str, Watched] = {}
        self._found = Shared(self._read)

    @property
    def only(self) -> str | None:
        """The key of the one that was asked for; None where there are, or may come, others."""
        return key_of(self._folders[0]) if len(self._folders) == 1 else None

    async def cards(self) -> Sequence[Card]:
        """Receivers, then extractions, those at work first; TimeoutError where a disk does not answer."""
        found = await self._found.get()
        shown = [_card(one) for one in found.extractions if self._folders or one.state != GONE]
        cards = [*found.receivers.cards, *shown]
        self._known |= {card.key: Path(card.storage_folder) for card in cards}
        return cards

    async def metrics(self) -> str:
        """All that can be read, as Prometheus wants it."""
        found = await self._found.get()
        statuses = [one.status for one in found.extractions if one.status is not None]
        return metrics_text(statuses) + found.receivers.metrics()

    async def watch(self, key: str) -> Watched | None:
        """The one of this key; a page that is opened again after a restart finds it, too."""
        if key not in self._known and not self._folders:
            await self.cards()
        folder, known = self._known.get(key), self._watches.get(key)
        if folder is None:
            return None
        try:  # each time: it may not have begun yet
            is_receiver = await asyncio.wait_for(in_thread(lambda: self._receivers.has(folder)), PATIENCE)
        except TimeoutError:
            is_receiver = known is not None and not isinstance(known, Watch)
        if known is None or isinstance(known, Watch) == is_receiver:
            known = self._watches[key] = self._look_at(folder, is_receiver=is_receiver)
        return known

    def _look_at(self, folder: Path, *, is_receiver: bool) -> Watched:
        if is_receiver:
            return self._receivers.watch(folder)
        return Watch(folder, self._clock, identifiers=self._identifiers)

    def _read(self) -> _Found:
        received = [folder for folder in self._folders if self._receivers.has(folder)]
        others = [folder for folder in self._folders if folder not in received]
        return _Found(
            extractions=examine(others, self._clock) if self._folders else extractions(self._clock),
            receivers=self._receivers.look(received if self._folders else None),
        )


def _card(extraction: Extraction) -> Card:
    status = extraction.status
    return Card(
        key=key_of(Path(extraction.storage_folder)),
        kind="Extraction",
        storage_folder=extraction.storage_folder,
        state=extraction.state if status is None else str(status.state),
        words="" if status is None else state_words(status),
        figures=() if status is None else tuple(figures(status)),
        note=extraction.note,
    )
