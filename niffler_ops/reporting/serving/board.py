"""The extractions that are shown: those whose folders were named, or those of this machine as they come."""

from collections.abc import Sequence
from pathlib import Path

from niffler_ops.clock import Clock
from niffler_ops.reporting.registry import GONE, Extraction, examine, extractions
from niffler_ops.reporting.serving.sharing import Shared
from niffler_ops.reporting.serving.watching import Watch, key_of


class Board:
    """Without `folders`: what `niffler-status` lists, looked up again whenever somebody looks."""

    def __init__(self, folders: Sequence[Path], clock: Clock, *, identifiers: bool) -> None:
        self._folders = list(dict.fromkeys(folder.absolute() for folder in folders))
        self._clock = clock
        self._identifiers = identifiers
        self._watches: dict[str, Watch] = {}
        self._extractions = Shared(self._read)
        for folder in self._folders:
            self._add(folder)

    @property
    def only(self) -> str | None:
        """The key of the one extraction that was asked for; None where there are, or may come, others."""
        return key_of(self._folders[0]) if len(self._folders) == 1 else None

    async def extractions(self) -> Sequence[tuple[str, Extraction]]:
        """Each with its key, those at work first; TimeoutError where the registry's disk does not answer."""
        return [
            (self._add(Path(one.storage_folder)).key, one)
            for one in await self._extractions.get()
            if self._folders or one.state != GONE
        ]

    async def watch(self, key: str) -> Watch | None:
        """The extraction of this key; a page that is opened again after a restart finds it, too."""
        if key not in self._watches and not self._folders:
            await self.extractions()
        return self._watches.get(key)

    def _read(self) -> list[Extraction]:
        return examine(self._folders, self._clock) if self._folders else extractions(self._clock)

    def _add(self, folder: Path) -> Watch:
        key = key_of(folder)
        if key not in self._watches:
            self._watches[key] = Watch(folder, self._clock, identifiers=self._identifiers)
        return self._watches[key]
