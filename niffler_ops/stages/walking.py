"""Which series have the values asked for? SERIES, then IMAGE, below the studies that other keys found.

Keys below study level are asked for empty, and what comes back is compared here: an archive need not match
them, and Orthanc compares one instance of many. A key that comes back with a value for no instance at all
is one that the archive cannot tell.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from niffler_ops.dicomtools.answerfiles import Match
from niffler_ops.ledger.wanting import FoundSeries, FoundStudy
from niffler_ops.querying import Level, level_of, matches
from niffler_ops.stages.asking import Answers, Asking, Inquiry
from niffler_ops.stages.believing import agrees, count_of, is_uid

COUNT = "NumberOfSeriesRelatedInstances"


class Fit(Enum):
    """Whether what an archive returned is what a row asks for."""

    YES = auto()
    NO = auto()
    UNCLEAR = auto()  # it was not told, or told of one instance of several


@dataclass(frozen=True, kw_only=True, slots=True)
class Unclear:
    """A series whose instances have to be looked at, for these keys."""

    series: FoundSeries
    keys: Mapping[str, str]


@dataclass(kw_only=True, slots=True)
class Candidate(Inquiry):
    """A study that a row's other keys found, the `keys` to look for below it, and what was learnt.

    `told` are the keys of which the archive returned any value. A series that may be meant and has no UID
    leaves the study `untold`: nobody can ask for it.
    """

    study: FoundStudy
    keys: Mapping[str, str]
    matching: list[FoundSeries] = field(default_factory=list)
    unclear: list[Unclear] = field(default_factory=list)
    told: set[str] = field(default_factory=set)

    @property
    def open(self) -> bool:
        """Whether it is any use to ask on."""
        return not self.lost

    def take_series(self, match: Match) -> None:
        """A series of the study came back."""
        if not agrees(match, "StudyInstanceUID", self.study.study_instance_uid):
            return
        self._note(match)
        fit, uid = fits(self.keys, match, "SERIES"), match.get("SeriesInstanceUID", "")
        if not is_uid(uid):
            self.untold |= fit is not Fit.NO
            return
        series = FoundSeries(series_instance_uid=uid, promised_count=count_of(match, COUNT))
        if fit is Fit.YES:
            self.matching.append(series)
        elif fit is Fit.UNCLEAR:
            self.unclear.append(Unclear(series=series, keys=_unsettled(self.keys, match)))

    def take_instances(self, unclear: Unclear, answered: Sequence[Match]) -> None:
        """The instances of a series came back."""
        series, study = unclear.series.series_instance_uid, self.study.study_instance_uid
        own = [
            match
            for match in answered
            if agrees(match, "SeriesInstanceUID", series) and agrees(match, "StudyInstanceUID", study)
        ]
        for match in own:
            self._note(match)
        if any(fits(unclear.keys, match, "IMAGE") is Fit.YES for match in own):
            self.matching.append(unclear.series)

    def _note(self, match: Match) -> None:
        self.told |= {keyword for keyword in self.keys if match.get(keyword, "")}


def fits(keys: Mapping[str, str], match: Match, level: Level) -> Fit:
    """Compare what came back at a level; of an instance's key a series may tell one value of several."""
    unclear = False
    for keyword, asked in keys.items():
        returned = match.get(keyword, "")
        if not returned or not matches(keyword, asked, returned):
            if returned and level in {"IMAGE", level_of(keyword)}:
                return Fit.NO
            unclear = True
    return Fit.UNCLEAR if unclear else Fit.YES


def _unsettled(keys: Mapping[str, str], series: Match) -> dict[str, str]:
    """What is to be looked for in the series' instances: all but what holds for each of them."""
    return {
        keyword: asked
        for keyword, asked in keys.items()
        if level_of(keyword) == "IMAGE" or not series.get(keyword, "")
    }


class Walk:
    """Asks on, a batch at a time, until every candidate is known; `then` is called at the end."""

    def __init__(
        self, asking: Asking, candidates: Sequence[Candidate], *, batch_size: int, then: Callable[[], None]
    ) -> None:
        self._asking = asking
        self._batch_size = batch_size
        self._then = then
        self._keywords = tuple({keyword: None for one in candidates for keyword in one.keys})
        self._studies = list(candidates)
        self._series: list[tuple[Candidate, Unclear]] = []

    def advance(self) -> None:
        """Ask the next batch of studies, then of series; the asking is ready."""
        most = self._batch_size
        self._studies = [candidate for candidate in self._studies if candidate.open]
        self._series = [(candidate, unclear) for candidate, unclear in self._series if candidate.open]
        if self._studies:
            studies, self._studies = self._studies[:most], self._studies[most:]
            self._ask_series(studies)
        elif self._series:
            series, self._series = self._series[:most], self._series[most:]
            self._ask_instances(series)
        else:
            self._then()

    def give_up(self, reason: str) -> None:
        """Nobody is there to be asked: what is not known yet is lost, at no cost."""
        for candidate in (*self._studies, *(candidate for candidate, _ in self._series)):
            if candidate.open:
                candidate.lost = reason
        self._then()

    def _ask_series(self, batch: list[Candidate]) -> None:
        def answered(answers: Answers) -> None:
            for index, candidate in enumerate(batch):
                if candidate.hears(answers, index):
                    for match in answers.answers[index].matches:
                        candidate.take_series(match)
                    self._series += [(candidate, unclear) for unclear in candidate.unclear]

        keys = [{"StudyInstanceUID": candidate.study.study_instance_uid} for candidate in batch]
        self._asking.ask("SERIES", keys, ("SeriesInstanceUID", COUNT, *self._keywords), answered)

    def _ask_instances(self, batch: list[tuple[Candidate, Unclear]]) -> None:
        def answered(answers: Answers) -> None:
            for index, (candidate, unclear) in enumerate(batch):
                if candidate.hears(answers, index):
                    candidate.take_instances(unclear, answers.answers[index].matches)

        keys = [
            {
                "StudyInstanceUID": candidate.study.study_instance_uid,
                "SeriesInstanceUID": unclear.series.series_instance_uid,
            }
            for candidate, unclear in batch
        ]
        self._asking.ask("IMAGE", keys, ("SOPInstanceUID", *self._keywords), answered)
