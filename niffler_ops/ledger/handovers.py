"""Handovers: what each post-processor makes of each study that is done."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from niffler_ops.ledger.connection import LedgerConnection
from niffler_ops.states import HANDOVER_REWINDS, HandoverState, check_handover_transition

SUBJECT = "post "  # of the tallies, before the processor's name


@dataclass(frozen=True, kw_only=True, slots=True)
class Handover:
    """A study that a worker is given; `given` and `attempts` include this time."""

    id: int
    study_id: int
    study_instance_uid: str
    processor: str
    given: int
    attempts: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Adoption:
    """What the configuration's post-processors change: handovers `added`, and those done before `redone`."""

    added: int
    redone: int


class Handovers:
    """The table of handovers; callers hold the transaction. A trigger adds those of studies that get done."""

    def __init__(self, ledger: LedgerConnection) -> None:
        self._ledger = ledger

    def adopt(self, processors: Mapping[str, Mapping[str, object]]) -> Adoption:
        """Take the configuration's post-processors over, by name with their settings.

        One whose settings have changed works on every study again. What waits for one that is not
        configured any more is dropped; where it comes back it takes up every study that is done.
        """
        known = self._ledger.all("processors")
        before = {row["processor"]: row["settings"] for row in known}
        active = {row["processor"] for row in known if row["active"]}
        for processor in before.keys() - processors.keys():
            self._ledger.run("drop_processor", processor)
            self._ledger.run("drop_waiting_handovers", processor)
        added = redone = 0
        for processor, settings in processors.items():
            text = json.dumps(settings, sort_keys=True, ensure_ascii=False)
            self._ledger.run("set_processor", processor=processor, settings=text)
            if before.get(processor, text) != text:
                redone += self._take_up("handovers_to_redo", processor)
            if processor not in active:
                added += self._ledger.run("hand_over_done_studies", processor=processor).rowcount
        return Adoption(added=added, redone=redone)

    def claim(self, limit: int, *, resting: Iterable[str] = (), busy: Iterable[int] = ()) -> list[Handover]:
        """Take up to `limit` handovers that are due.

        None for the post-processors in `resting`, and none that a worker is still at (`busy`, their ids),
        because the study has grown since it was given to it.
        """
        rows = self._ledger.all(
            "handovers_due",
            now=self._ledger.now_seconds(),
            limit=limit,
            resting=json.dumps(list(resting)),
            busy=json.dumps(list(busy)),
        )
        for row in rows:
            self._transition(row["id"], HandoverState.WAITING, HandoverState.PROCESSING)
            self._ledger.run("handover_given", row["id"])
        return [
            Handover(
                id=row["id"],
                study_id=row["study_id"],
                study_instance_uid=row["study_instance_uid"],
                processor=row["processor"],
                given=row["given"] + 1,
                attempts=row["attempts"] + 1,
            )
            for row in rows
        ]

    def files(self, study_id: int) -> list[str]:
        """The filed files of a study, below StorageFolder."""
        return [row["path"] for row in self._ledger.all("filed_of_study", study_id)]

    def is_current(self, handover: Handover) -> bool:
        """Whether nobody has taken the handover back since this one was given to a worker."""
        found = self._ledger.one("handover_answer_is_current", id=handover.id, given=handover.given)
        return found is not None

    def done(self, handover: Handover, *, files: int, held: int) -> None:
        """A worker has done it; `held` of its `files` are in failures.csv."""
        self._transition(handover.id, HandoverState.PROCESSING, HandoverState.DONE)
        self._ledger.run("handover_counted", id=handover.id, files=files, held=held)

    def failed(self, handover: Handover, reason: str) -> None:
        """It is given up."""
        self._transition(handover.id, HandoverState.PROCESSING, HandoverState.FAILED, reason)

    def again(self, handover: Handover, *, delay: float, charged: bool, reason: str) -> None:
        """It is to be done again, after `delay` seconds."""
        self._transition(handover.id, HandoverState.PROCESSING, HandoverState.WAITING, reason)
        not_before = self._ledger.now_seconds() + delay
        self._ledger.run("handover_again", id=handover.id, not_before=not_before, refund=0 if charged else 1)

    def tables_behind(self) -> int | None:
        """The event up to which the tables of OutputFolder do not tell yet; None where they do."""
        row = self._ledger.one("tables_behind")
        return None if row is None else row["event"]

    def tables_written(self, event: int) -> None:
        """They tell of everything up to this event."""
        self._ledger.run("tables_written", event=event)

    def rewind(self) -> int:
        """After a crash: what a worker was at goes back, at no cost in attempts; gives the number."""
        rows = self._ledger.all("handovers_processing")
        for row in rows:
            before = HandoverState(row["state"])
            self._transition(row["id"], before, HANDOVER_REWINDS[before])
            self._ledger.run("handover_again", id=row["id"], not_before=0.0, refund=1)
        return len(rows)

    def take_up(self) -> int:
        """For --retry-failed."""
        return self._take_up("handovers_failed")

    def _take_up(self, query: str, *parameters: object) -> int:
        rows = self._ledger.all(query, *parameters)
        for row in rows:
            self._transition(row["id"], HandoverState(row["state"]), HandoverState.WAITING)
            self._ledger.run("handover_taken_up", row["id"])
        return len(rows)

    def _transition(
        self, handover_id: int, before: HandoverState, after: HandoverState, reason: str = ""
    ) -> None:
        check_handover_transition(before, after)
        self._ledger.one_changed(
            "handover_transition", id=handover_id, before=before, after=after, reason=reason
        )
