"""The extractions of this machine, as those see them who watch."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from niffler_ops.clock import Clock
from niffler_ops.reporting.counts import Counts
from niffler_ops.reporting.registry import Extraction, extractions
from niffler_ops.reporting.registry_text import NONE_KNOWN, facts
from niffler_ops.reporting.status import AT_WORK
from niffler_ops.reporting.watch.bars import bar_width, parts_of
from niffler_ops.reporting.watch.fitting import Section
from niffler_ops.reporting.watch.frame import shortened
from niffler_ops.reporting.watch.signs import LABEL, Signs, bar, sign
from niffler_ops.reporting.words import counted, printable


class MachineSource:
    """Looks at all that are registered or hold a lock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def look(self) -> "MachinePicture":
        """How each of them stands."""
        return MachinePicture(extractions=extractions(self._clock))


@dataclass(frozen=True, kw_only=True, slots=True)
class MachinePicture:
    """Those at work come first."""

    extractions: Sequence[Extraction]

    @property
    def title(self) -> str:
        """How many there are."""
        return f"{counted(len(self.extractions), 'extraction')} of this machine"

    @property
    def at_work(self) -> bool:
        """Whether one of them is."""
        return any(one.state in AT_WORK for one in self.extractions)

    @property
    def told_at_once(self) -> tuple[object, ...]:
        """The states and the problems of each."""
        return tuple((one.storage_folder, one.state, _counts(one).problems) for one in self.extractions)

    @property
    def line(self) -> str:
        """Those at work, or that none is."""
        told = [
            f"{one.storage_folder} {one.state}: {_words(one)}"
            for one in self.extractions
            if one.state in AT_WORK
        ]
        others = len(self.extractions) - len(told)
        return "; ".join([*told, f"{counted(others, 'extraction')} not at work"])

    def sections(self, width: int, signs: Signs) -> Sequence[Section]:
        """Two lines for each."""
        if not self.extractions:
            return [Section(rank=0, lines=[Text(line) for line in NONE_KNOWN.splitlines()], least=2)]
        return [
            Section(rank=rank, lines=_lines(one, width, signs), least=2)
            for rank, one in enumerate(self.extractions)
        ]


def _lines(one: Extraction, width: int, signs: Signs) -> list[Text]:
    folder = shortened(printable(one.storage_folder), max(width - LABEL, 1), signs)
    head = Text.assemble(sign(one.state, signs), " ", (f"{one.state:{LABEL - 2}}", "bold"), folder)
    drawn = bar(parts_of(_counts(one)), bar_width(width), signs)
    return [head, Text.assemble(" " * LABEL, drawn, " ", printable(_words(one)))]


def _counts(one: Extraction) -> Counts:
    return Counts() if one.status is None else one.status.rows


def _words(one: Extraction) -> str:
    told = [] if one.status is None else list(facts(one.status))
    return ", ".join([*told, one.note] if one.note else told)
