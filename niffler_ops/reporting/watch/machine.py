"""The extractions and receivers of this machine, as those see them who watch."""

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

from niffler_ops.clock import Clock
from niffler_ops.reporting.counts import Counts
from niffler_ops.reporting.registry import Extraction, extractions
from niffler_ops.reporting.registry_text import NONE_KNOWN, facts
from niffler_ops.reporting.status import AT_WORK
from niffler_ops.reporting.watch.bars import bar_width, parts_of
from niffler_ops.reporting.watch.fitting import NARROWEST, Section
from niffler_ops.reporting.watch.frame import shortened
from niffler_ops.reporting.watch.neighbour import Neighbour
from niffler_ops.reporting.watch.signs import LABEL, Signs, bar, sign
from niffler_ops.reporting.words import counted
from niffler_ops.terminal import printable


class MachineSource:
    """Looks at all that are registered or hold a lock; a room above knows how to read `receivers`."""

    def __init__(self, clock: Clock, receivers: Callable[[], Sequence[Neighbour]] = tuple) -> None:
        self._clock = clock
        self._receivers = receivers

    def look(self) -> "MachinePicture":
        """How each of them stands."""
        return MachinePicture(extractions=extractions(self._clock), receivers=self._receivers())


@dataclass(frozen=True, kw_only=True, slots=True)
class MachinePicture:
    """Those at work come first, receivers last."""

    extractions: Sequence[Extraction]
    receivers: Sequence[Neighbour] = ()

    @property
    def title(self) -> str:
        """How many there are."""
        receivers = f" and {counted(len(self.receivers), 'receiver')}" if self.receivers else ""
        return f"{counted(len(self.extractions), 'extraction')}{receivers} of this machine"

    @property
    def at_work(self) -> bool:
        """Whether an extraction is; a receiver never comes to an end."""
        return any(one.state in AT_WORK for one in self.extractions)

    @property
    def told_at_once(self) -> tuple[object, ...]:
        """The states of each, its problems, and how much is wrong with receivers."""
        return (
            *((one.storage_folder, one.state, _counts(one).problems) for one in self.extractions),
            *((one.storage_folder, one.state, len(one.told)) for one in self.receivers),
        )

    @property
    def line(self) -> str:
        """The extractions at work, or that none is, and the receivers."""
        told = [
            f"{one.storage_folder} {one.state}: {_words(one)}"
            for one in self.extractions
            if one.state in AT_WORK
        ]
        others = len(self.extractions) - len(told)
        receivers = [f"{one.storage_folder} {one.state}: {' '.join(one.told)}" for one in self.receivers]
        return "; ".join([*told, f"{counted(others, 'extraction')} not at work", *receivers])

    def sections(self, width: int, signs: Signs) -> Sequence[Section]:
        """Two lines for each, and what is wrong with receivers."""
        if not self.extractions and not self.receivers:
            return [Section(rank=0, lines=[Text(line) for line in NONE_KNOWN.splitlines()], least=2)]
        told = [_lines(extraction, width, signs) for extraction in self.extractions]
        told += [_lines_of(receiver, width, signs) for receiver in self.receivers]
        return [Section(rank=rank, lines=lines, least=2) for rank, lines in enumerate(told)]


def _head(one: Extraction | Neighbour, width: int, signs: Signs) -> Text:
    folder = shortened(printable(one.storage_folder), max(width - LABEL, 1), signs)
    return Text.assemble(sign(one.state, signs), " ", (f"{one.state:{LABEL - 2}}", "bold"), folder)


def _lines_of(receiver: Neighbour, width: int, signs: Signs) -> list[Text]:
    indent = " " * LABEL
    texts = [
        line
        for text in receiver.told
        for line in textwrap.wrap(printable(text), max(width - LABEL, NARROWEST))
    ]
    return [_head(receiver, width, signs), *(Text(f"{indent}{line}") for line in texts)]


def _lines(one: Extraction, width: int, signs: Signs) -> list[Text]:
    head = _head(one, width, signs)
    drawn = bar(parts_of(_counts(one)), bar_width(width), signs)
    return [head, Text.assemble(" " * LABEL, drawn, " ", printable(_words(one)))]


def _counts(one: Extraction) -> Counts:
    return Counts() if one.status is None else one.status.rows


def _words(one: Extraction) -> str:
    told = [] if one.status is None else list(facts(one.status))
    return ", ".join([*told, one.note] if one.note else told)
