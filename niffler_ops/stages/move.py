"""Which studies go to which lane, and what their responses mean. A study is in one lane at most."""

import itertools
import logging
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence

from niffler_ops.dicomtools.failures import FailureClass, classify_status, failure_reason
from niffler_ops.dicomtools.movescu import movescu_arguments
from niffler_ops.dicomtools.querykeys import query_file
from niffler_ops.dicomtools.responses import SOME_FAILED, SUCCESS
from niffler_ops.dicomtools.storescp import short_name
from niffler_ops.dicomtools.timeouts import Timeouts
from niffler_ops.embedded.echo import Echo
from niffler_ops.ledger.studies import MoveOutcome, Study
from niffler_ops.processes.launcher import Child
from niffler_ops.stages.breaker import Breaker
from niffler_ops.stages.contact import DESTINATION_UNKNOWN, Contact
from niffler_ops.stages.lanes import Item, Lane
from niffler_ops.stages.place import Place
from niffler_ops.stages.progress import Progress
from niffler_ops.stages.retry import retry_delay
from niffler_ops.stages.toolfiles import QueryFiles

OUT_OF_RESOURCES = {0x0213, *range(0xA700, 0xA800)}  # PS3.4 C.4.2.1.5, PS3.7 C.5
FEW = 10  # studies, for which it is not worth while to start another movescu
UIDS_IN_ONE_REQUEST = 200  # 64 characters each stay far below the 64 KiB of an explicit VR UI element
MOST_REQUESTS = 5000  # of one movescu, whose command line names a file for each: the rest is for the next
REMEMBERED = 1000  # answered studies, whose instances may not be noticed yet, or not have been received
KILL_SECONDS = 5.0
RELEASE_SECONDS = 10.0

log = logging.getLogger(__name__)


def _share(studies: int, lanes: int, free: int) -> int:
    """How many a free lane takes: those at work get theirs when they are free, unless it is a few."""
    return max(-(-studies // lanes), min(-(-studies // free), FEW))


def _chunks(uids: Sequence[str], size: int) -> Iterable[Sequence[str]]:
    return (uids[start : start + size] for start in range(0, len(uids), size))


class MoveStage:
    """Keeps an archive's lanes busy with what is due."""

    _numbers = itertools.count(1)

    def __init__(
        self, place: Place, contact: Contact, progress: Progress, *, last_line: int | None = None
    ) -> None:
        self._folder = place.layout.requests / f"move-{next(self._numbers)}"
        self._files: dict[int, QueryFiles] = {}
        self._place = place
        self._contact = contact
        self._last_line = last_line
        self._progress = progress
        self._lanes: dict[int, Lane] = {}
        self._deaths = 0
        self._not_before = 0.0
        self._answered: deque[Item] = deque(maxlen=REMEMBERED)
        self._gone_at: float | None = None
        self._breaker = Breaker(place.config.retry_delay, place.clock.monotonic)
        self._stopping = False

    @property
    def busy(self) -> bool:
        """Whether any movescu runs."""
        return bool(self._lanes)

    def advance(self, *, receiving: bool) -> None:
        """Write what was answered, end what hangs, start what is due."""
        for lane in list(self._lanes.values()):
            self._write_answers(lane)
            self._watch(lane)
        self._contact.load.observe(self._progress.received[self._contact.name], len(self._lanes))
        self._refund_in_retrospect()
        usable = self._contact.usable and not self._contact.misconfigured
        if receiving and usable and not self._stopping and self._place.gate.is_open:
            self._start_lanes()

    def wind_down(self) -> None:
        """Begin nothing more; each lane may finish the study that it is at."""
        self._stopping = True

    def stop(self) -> None:
        """End every lane; what they had not retrieved goes back."""
        self._stopping = True
        for lane in self._lanes.values():
            if lane.child is not None:
                lane.child.terminate()

    def _start_lanes(self) -> None:
        load = self._contact.load
        more = max(load.lanes - len(self._lanes), 0)  # none where fewer are wanted than still run
        free = [number for number in range(1, load.lanes + 1) if number not in self._lanes][:more]
        waits = self._breaker.is_open or self._place.clock.monotonic() < self._not_before
        if not free or waits or (self._breaker.tries and self._lanes):
            return
        most = 1 if self._breaker.tries else load.batch * load.lanes
        due = self._place.ledger.studies.due_for_move(
            most, archive=self._contact.name, last_line=self._last_line
        )
        by_level: dict[str, list[Study]] = defaultdict(list)
        for study in load.affordable(self._incomplete(due), self._awaited()):
            by_level[self._level(study)].append(study)
        for level, studies in by_level.items():
            share = min(load.batch, _share(len(studies), load.lanes, max(len(free), 1)))
            while free and studies:
                self._start(free.pop(0), level, studies[:share])
                del studies[:share]

    def _awaited(self) -> Iterator[Study]:
        """Studies that may still come: all is noticed by the first look at staging after the answer."""
        for lane in self._lanes.values():
            yield from (item.study for item in lane.items[lane.turn :])
        if not self._place.config.sends_elsewhere:
            yield from (item.study for item in self._answered if item.ended >= self._progress.looked_at)

    def _incomplete(self, due: Sequence[Study]) -> list[Study]:
        """Those that need a retrieve; what has arrived whole in an earlier run is not fetched again."""
        whole = [study for study in due if study.promised_by == "uid" and study.received >= study.expected]
        if whole:
            with self._place.ledger.transaction():
                for study in whole:
                    self._place.ledger.studies.skip_move(study.id)
        return [study for study in due if study not in whole]

    def _level(self, study: Study) -> str:
        """IMAGE where some of the study is here and the rest known by UID, unless that was refused."""
        all_of_it = "STUDY" if study.whole else "SERIES"
        known = study.promised_by == "uid" and study.received and self._missing(study)
        if not known:
            return all_of_it
        refused = study.last_status not in {None, SUCCESS, SOME_FAILED} and (
            self._place.ledger.studies.last_level(study.id) == "IMAGE"
        )
        return all_of_it if refused else "IMAGE"

    def _start(self, number: int, level: str, studies: Sequence[Study]) -> None:
        lane = Lane(number=number, level=level, items=[])
        files = self._files.setdefault(number, QueryFiles(self._folder / str(number)))
        queries: list[bytes] = []
        with self._place.ledger.transaction():
            for study in studies:
                requests, first = self._requests(study, level), len(queries) + 1
                if queries and len(queries) + len(requests) > MOST_REQUESTS:
                    break
                queries += map(query_file, requests)
                attempt = self._place.ledger.studies.begin_move(study, lane=number, level=level)
                if not self._place.config.sends_elsewhere:
                    self._progress.expect(study.study_instance_uid, self._contact.name)
                lane.items.append(Item(study=study, attempt=attempt, messages=range(first, len(queries) + 1)))
            query_files = files.write(queries)  # where that fails, no study has begun
        lane.turn_at = lane.response_at = self._place.clock.monotonic()
        self._lanes[number] = lane
        archive = self._contact.archive
        lane.child = self._place.tools.run(
            "movescu",
            movescu_arguments(
                archive=archive.peer,
                calling_aet=archive.calling_aet,
                destination=archive.destination,
                level=level,
                query_files=query_files,
                timeouts=Timeouts(),
            ),
            on_line=lambda line: self._line(lane, line),
            on_exit=lambda child, code: self._ended(lane, child, code),
        )

    def _requests(self, study: Study, level: str) -> list[dict[str, str]]:
        whole = {"StudyInstanceUID": study.study_instance_uid}
        if level == "STUDY":
            return [whole]
        if level == "SERIES":
            return [{**whole, "SeriesInstanceUID": series} for series in self._series(study)]
        return [
            {**whole, "SeriesInstanceUID": series, "SOPInstanceUID": "\\".join(chunk)}
            for series, uids in self._missing(study).items()
            for chunk in _chunks(uids, UIDS_IN_ONE_REQUEST)
        ]

    def _missing(self, study: Study) -> dict[str, list[str]]:
        """The SOP Instance UIDs that were promised and are not here, by series."""
        missing: dict[str, list[str]] = defaultdict(list)
        for instance in self._place.ledger.instances.of_study(study.id):
            if instance.promised and instance.state in {"awaited", "missing"}:
                missing[instance.series_instance_uid].append(instance.sop_instance_uid)
        return missing

    def _series(self, study: Study) -> list[str]:
        """The wanted series but for those that are here to the last promised UID."""
        wanted = self._place.ledger.studies.wanted_series(study.id)
        if study.promised_by != "uid":
            return wanted
        instances = self._place.ledger.instances.of_study(study.id)
        whole = {instance.series_instance_uid for instance in instances if instance.promised}
        whole -= self._missing(study).keys()
        return [series for series in wanted if series not in whole]

    def _line(self, lane: Lane, line: str) -> None:
        response = lane.log.feed(line)
        if response is not None:
            lane.take(response, self._place.clock.monotonic())

    def _write_answers(self, lane: Lane) -> None:
        """Record the studies whose requests are all answered."""
        if lane.written == lane.turn:
            return
        self._deaths = 0
        unknown = False
        with self._place.ledger.transaction():
            for item in lane.items[lane.written : lane.turn]:
                outcome = item.outcome()
                if outcome.status == DESTINATION_UNKNOWN:
                    unknown = True
                    self._place.ledger.studies.give_back(item.study.id, item.attempt, outcome.reason)
                else:
                    self._place.ledger.studies.end_move(
                        item.study.id, item.attempt, outcome, grace=self._grace(outcome.status)
                    )
                    self._charge(item, outcome)
                    self._weigh(item, outcome)
        lane.written = lane.turn
        if unknown and not self._contact.misconfigured:
            self._contact.does_not_know_us(self._place.config)
            for other in self._lanes.values():
                if other.child is not None:
                    other.child.terminate()

    def _weigh(self, item: Item, outcome: MoveOutcome) -> None:
        """What it says of how much the archive does."""
        self._contact.load.took(item.ended - item.begun)
        if self._place.config.sends_elsewhere:
            self._progress.received[self._contact.name] += outcome.sent or 0

    def _charge(self, item: Item, outcome: MoveOutcome) -> None:
        """An attempt counts if our storescp was there to receive."""
        if self._progress.nothing_could_arrive(item.begun, item.ended):
            self._place.ledger.studies.refund(item.study.id, item.attempt)
        else:
            self._answered.append(item)
            self._note(item, outcome)

    def _refund_in_retrospect(self) -> None:
        """That storescp was silent is noticed late: what ended meanwhile does not count either."""
        if self._gone_at == self._progress.gone_at:
            return
        self._gone_at = self._progress.gone_at
        with self._place.ledger.transaction():
            for item in list(self._answered):
                if self._progress.nothing_could_arrive(item.begun, item.ended):
                    self._answered.remove(item)
                    if self._place.ledger.studies.get(item.study.id).archive == self._contact.name:
                        self._place.ledger.studies.refund(item.study.id, item.attempt)

    def _note(self, item: Item, outcome: MoveOutcome) -> None:
        """A study that the archive will never send tells nothing of the archive."""
        status = outcome.status
        if status in OUT_OF_RESOURCES:
            self._contact.load.trouble()
        if status is not None and classify_status(status) is FailureClass.REFUSED_STUDY:
            return
        arrived = self._progress.last_arrival(item.study.study_instance_uid) is not None
        fruitless = status != SUCCESS and not outcome.sent and not arrived
        self._breaker.note(fruitless=fruitless, who=self._contact.name, reason=outcome.reason)
        self._contact.refusing = self._breaker.trouble

    def _grace(self, status: int | None) -> float:
        """After a success instances may still be on their way; after anything else nothing more is due."""
        config = self._place.config
        return config.idle_timeout if status == SUCCESS else config.quiet_time

    def _watch(self, lane: Lane) -> None:
        """End a movescu whose current study has neither an answer nor an arrival for too long."""
        if lane.child is None:
            return
        config, now = self._place.config, self._place.clock.monotonic()
        if lane.turn == len(lane.items):
            if now - lane.turn_at > RELEASE_SECONDS:
                lane.child.kill()  # all is answered, and the release is not
            return
        self._pause(lane)
        arrival = self._progress.last_arrival(lane.items[lane.turn].study.study_instance_uid)
        begun = lane.delivering or (arrival is not None and arrival >= lane.turn_at)
        limit = config.idle_timeout if begun else config.first_instance_timeout
        progress = max(lane.response_at, lane.turn_at, arrival or 0.0)
        progress = max(progress, self._progress.growth_begun_by(progress + limit))
        if lane.hung:
            if now - lane.hung_at > KILL_SECONDS:
                lane.child.kill()
        elif now - progress > limit:
            lane.hung, lane.hung_at = f"no instance arrived for {limit:g} s", now
            lane.child.terminate()

    def _pause(self, lane: Lane) -> None:
        """The study that is being retrieved may come to its end, within a grace; no other one."""
        gate = self._place.gate
        goes_on = gate.is_open and not self._stopping
        if goes_on or lane.paused or lane.child is None:
            lane.last_turn = lane.last_turn if lane.paused else None
            return
        if lane.last_turn is None:
            lane.last_turn = lane.turn
        if lane.turn > lane.last_turn or gate.ends_what_runs:
            lane.paused = True
            lane.child.terminate()

    def _ended(self, lane: Lane, child: Child, code: int) -> None:
        del self._lanes[lane.number]
        self._place.tools.require_running(child, code)
        self._write_answers(lane)
        unanswered = lane.items[lane.turn :]
        if not unanswered:
            return
        stopped = "stopped" if self._stopping else "paused" if lane.paused else ""
        reason = lane.hung or stopped or failure_reason(child.output)
        first, *behind = unanswered
        with self._place.ledger.transaction():
            for item in behind:
                self._place.ledger.studies.give_back(item.study.id, item.attempt, reason)
        if stopped or self._contact.misconfigured:
            self._end_unanswered(first, reason, charged=False)
        else:
            self._lane_lost(lane, child, code, first, reason)

    def _end_unanswered(self, item: Item, reason: str, *, charged: bool) -> None:
        """From here on what came of it is judged, so it must be known by now whether it was an attempt."""
        studies, outcome = self._place.ledger.studies, MoveOutcome(status=None, reason=reason)
        with self._place.ledger.transaction():
            studies.end_move(item.study.id, item.attempt, outcome, grace=self._place.config.quiet_time)
            if not charged:
                studies.refund(item.study.id, item.attempt)

    def _lane_lost(self, lane: Lane, child: Child, code: int, first: Item, reason: str) -> None:
        """The lane ended early: find out whether the study or the archive is to blame."""
        log.warning(
            "Lane %d ended early after %d of %d studies (exit status %d): %s (study %s)",
            lane.number,
            lane.turn,
            len(lane.items),
            code,
            reason,
            short_name(first.study.study_instance_uid),
        )
        self._place.tools.keep_output(child)
        self._deaths += 1
        delay = retry_delay(self._place.config.retry_delay, self._deaths)
        self._not_before = self._place.clock.monotonic() + delay

        received = not self._progress.nothing_could_arrive(lane.turn_at, self._place.clock.monotonic())
        crowded = lane.turn == 0 and not lane.delivering  # else it may be the study that is to blame

        def conclude(echo: Echo) -> None:
            if echo is not Echo.ANSWERED:
                self._contact.lost(echo)
            elif received and (crowded or self._deaths > 1):
                self._contact.load.trouble()
            self._end_unanswered(first, reason, charged=received and echo is Echo.ANSWERED)

        self._contact.ask(conclude)
