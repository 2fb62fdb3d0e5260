"""How much is asked of one archive at once: what is set, or asked for while it runs, else what is found."""

import logging
from collections.abc import Iterable, Sequence

from niffler_ops.clock import Clock
from niffler_ops.config import Config
from niffler_ops.ledger.studies import Study
from niffler_ops.model import AUTO, Archive, HourlyLimit
from niffler_ops.stages.pace import UNKNOWN_INSTANCES, Pace
from niffler_ops.stages.tuning import FIRST_LANES, Batches, Tuner

log = logging.getLogger(__name__)


class Load:
    """Lanes, batches and pace of an archive; `lanes` and `batch` None where they are to be found."""

    def __init__(
        self,
        name: str,
        *,
        lanes: int | None,
        most_lanes: int,
        batch: int | None,
        limit: HourlyLimit | None,
        clock: Clock,
    ) -> None:
        self.held_back = False  # because what has come is not filed yet
        self._name = name
        self._lanes, self._batch = lanes, batch
        self._tuner = Tuner(most_lanes, clock.monotonic)
        self._pace = Pace(limit, clock)
        self._batches = Batches()

    @property
    def lanes(self) -> int:
        """Associations that may retrieve at once."""
        return self._lanes or self._tuner.lanes

    @property
    def batch(self) -> int:
        """Studies in one of them."""
        return self._batch or self._batches.size(short=not self._lanes and self._tuner.doubles)

    @property
    def limit(self) -> float | None:
        """Instances a second that it is held to at this hour."""
        return self._pace.now

    @property
    def why(self) -> str:
        """What decides how much is retrieved at once, "" where somebody has set the lanes."""
        if self.held_back:
            return "nothing more is asked for until what has come is on the disk"
        limit = self._pace.now
        if limit is not None:
            return f"held to {limit:g} instances/s by MaxInstancesPerSecond"
        return self._why_so_many

    @property
    def _why_so_many(self) -> str:
        return "" if self._lanes else self._tuner.why

    def set_lanes(self, lanes: int | None) -> None:
        """Use so many from now on; None: find the number."""
        self._lanes = lanes

    def observe(self, instances: int, at_work: int) -> None:
        """So many instances have come from the archive, over so many lanes at work."""
        before = self.lanes
        self._pace.observe(instances)
        if not self._lanes:
            self._tuner.observe(instances, at_work)
        self._tell(before)

    def trouble(self) -> None:
        """The archive refused or broke off a retrieve in a way that too many of them may have caused."""
        before = self.lanes
        self._tuner.trouble()
        self._tell(before)

    def affordable(self, studies: Sequence[Study], awaited: Iterable[Study]) -> Sequence[Study]:
        """The first of them that may be asked for, beside those that are awaited; perhaps none yet."""
        if self._pace.now is None:  # as mostly: nothing has to be added up
            return studies
        budget = self._pace.budget(sum(_to_come(study) for study in awaited))
        if budget is None:
            return studies
        taken = 0
        for number, study in enumerate(studies):
            if taken >= budget:
                return studies[:number]
            taken += _to_come(study)
        return studies

    @property
    def affords_more(self) -> bool:
        """Whether anything may be asked for now, while nothing is awaited."""
        budget = self._pace.budget(0)
        return budget is None or budget > 0

    def took(self, seconds: float) -> None:
        """A study was retrieved within so many seconds."""
        self._batches.took(seconds)

    def _tell(self, before: int) -> None:
        if self.lanes != before:
            lanes = "1 lane" if self.lanes == 1 else f"{self.lanes} lanes"
            log.info("%s: %s instead of %d: %s", self._name, lanes, before, self._why_so_many)


def load_of(config: Config, archive: Archive, clock: Clock) -> Load:
    """As the configuration says for this archive."""
    return Load(
        str(archive.peer),
        lanes=_lanes_of(config, archive),
        most_lanes=config.max_lanes,
        batch=_number(config.batch_size),
        limit=config.max_instances_per_second,
        clock=clock,
    )


def first_lanes(config: Config) -> int:
    """Associations to begin with, where an archive has no number of its own."""
    return _number(config.move_lanes) or FIRST_LANES


def most_lanes(config: Config, archive: Archive) -> int:
    """How many associations the archive has to be ready for."""
    return _lanes_of(config, archive) or config.max_lanes


def _lanes_of(config: Config, archive: Archive) -> int | None:
    """What is set for it; None where the number is to be found."""
    return _number(config.move_lanes if archive.lanes is None else archive.lanes)


def _to_come(study: Study) -> int:
    return max(study.expected - study.received, 1) if study.expected else UNKNOWN_INSTANCES


def _number(value: int | str) -> int | None:
    return None if value == AUTO else int(value)
