"""A lane: one movescu that retrieves a batch over one association."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from niffler_ops.dicomtools.failures import status_text
from niffler_ops.dicomtools.movescu import MoveLog, MoveResponse
from niffler_ops.dicomtools.responses import SUCCESS
from niffler_ops.ledger.studies import MoveOutcome, Study
from niffler_ops.processes.launcher import Child


@dataclass(kw_only=True, slots=True)
class Item:
    """A study in a batch, and the message ids of its requests: one, or several below STUDY level.

    `begun` and `ended` are the monotonic times of its turn.
    """

    study: Study
    attempt: int
    messages: range
    begun: float = 0.0
    ended: float = 0.0
    finals: list[MoveResponse] = field(default_factory=list)

    def outcome(self) -> MoveOutcome:
        """The responses as one: the first status that is not success, the sums of the counters."""
        if not self.finals:
            return MoveOutcome(status=None, reason="its response was not logged")
        worst = next((final for final in self.finals if final.status != SUCCESS), self.finals[-1])
        return MoveOutcome(
            status=worst.status,
            completed=_sum(final.completed for final in self.finals),
            failed=_sum(final.failed for final in self.finals),
            warning=_sum(final.warning for final in self.finals),
            reason="" if worst.status == SUCCESS else status_text(worst.status),
        )


def _sum(counters: Iterable[int | None]) -> int | None:
    known = [counter for counter in counters if counter is not None]
    return sum(known) if known else None


@dataclass(kw_only=True, slots=True)
class Lane:
    """A running movescu; `turn` is the item that the archive works on, since `turn_at`."""

    number: int
    level: str
    items: list[Item]
    child: Child | None = None
    log: MoveLog = field(default_factory=MoveLog)
    turn: int = 0
    turn_at: float = 0.0
    response_at: float = 0.0
    delivering: bool = False
    written: int = 0
    hung: str = ""
    hung_at: float = 0.0
    last_turn: int | None = None  # in a pause: what is retrieved after it is given back
    paused: bool = False

    def take(self, response: MoveResponse, now: float) -> None:
        """A response came: it says that instances are being sent, or ends an item's turn."""
        self.response_at = now
        if response.pending:  # an archive may send these while it is still looking for the first instance
            self.delivering |= bool(response.completed or response.failed or response.warning)
            return
        # An answer to a turn that is over says nothing; one that came before its turn ends those before it.
        for index in range(self.turn, len(self.items)):
            item = self.items[index]
            if response.message_id in item.messages:
                item.finals.append(response)
                if len(item.finals) == len(item.messages):
                    item.begun, item.ended = self.turn_at, now
                    self.turn, self.turn_at, self.delivering = index + 1, now, False
                return
