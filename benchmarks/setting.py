"""What every benchmark is given: how long it may take, and a folder that is removed at the end."""

import itertools
import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from niffler_ops.demo.corpus import Corpus, write_corpus

INSTANCES = 10
SIDE = 256  # with 16 bits a pixel, 131 KB an image


@dataclass(frozen=True, kw_only=True)
class Studies:
    """Invented studies on disk."""

    folder: Path
    corpus: Corpus

    @property
    def paths(self) -> list[Path]:
        """All files."""
        return [instance.path for study in self.corpus.studies for instance in study.instances]


@dataclass(kw_only=True, eq=False)
class Setting:
    """`quick` asks for a first impression; `folder` is the run's own."""

    folder: Path
    quick: bool
    _studies: dict[tuple[int, int, int], Studies] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    @property
    def many_rows(self) -> int:
        """How many rows make a long list."""
        return 100_000 if self.quick else 1_000_000

    def studies(self, number: int, instances: int = INSTANCES, side: int = SIDE) -> Studies:
        """So many studies of images of this many rows and columns, made once."""
        key = number, instances, side
        if key not in self._studies:
            folder = self.folder / f"studies-{number}-{instances}-{side}"
            corpus = write_corpus(folder, studies=number, instances=instances, rows=side)
            self._studies[key] = Studies(folder=folder, corpus=corpus)
        return self._studies[key]

    def new_folder(self, name: str) -> Path:
        """An empty folder that nobody had before."""
        folder = self.folder / f"{name}-{next(self._numbers)}"
        folder.mkdir()
        return folder


def settle() -> None:
    """Let the disk finish with what came before, so that nobody pays for another's writes."""
    os.sync()


def free_ports(number: int) -> list[int]:
    """Distinct TCP ports that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
