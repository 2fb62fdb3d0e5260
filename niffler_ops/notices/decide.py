"""Which occasions are worth a notice, and never more than one an hour for the same cause; pure."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from niffler_ops.errors import AlreadyRunningError, NifflerError, StoppedError
from niffler_ops.ledger.handovers import SUBJECT
from niffler_ops.notices.notice import Cause, Occasion
from niffler_ops.stages.gate import Pause
from niffler_ops.states import HANDOVER_ENDS, ROW_ENDS, STUDY_ENDS, RowState, StudyState

QUIET_SECONDS = 3600.0
_NOT_ASKED = frozenset({RowState.PENDING, RowState.QUERYING})
_NOT_LISTED = frozenset({StudyState.FOUND, StudyState.LISTING})
_AMOUNTS = ("received", "bytes")

Tallies = Mapping[tuple[str, str], int]


def completion(exit_status: int) -> Occasion:
    """Every row is at its end, with this exit status of niffler-cold (0, or 3 where some are not done)."""
    return Occasion(cause=Cause.COMPLETION, exit_status=exit_status)


def failure(error: Exception, *, asked_to_stop: bool) -> Occasion | None:
    """A run that ends with this error; None where whoever started it knows, or another run goes on.

    Of a defect only the class is told: its text may hold an identifier.
    """
    if isinstance(error, AlreadyRunningError) or (asked_to_stop and isinstance(error, StoppedError)):
        return None
    if isinstance(error, NifflerError):
        return Occasion(cause=Cause.FAILURE, exit_status=error.exit_status, reason=str(error))
    reason = f"a defect of this program: {type(error).__name__}"
    return Occasion(cause=Cause.FAILURE, exit_status=NifflerError.exit_status, reason=reason)


def pause(found: Pause | None) -> Occasion | None:
    """A pause that ends only when somebody makes room; one for the night ends by itself."""
    if found is None or found.until is not None or not found.at_once:
        return None
    return Occasion(cause=Cause.PAUSE, reason=found.reason)


class TroubleWatch:
    """Tells once of an archive that sends nothing until somebody sees to it, and again after it has sent."""

    def __init__(self) -> None:
        self._known: frozenset[int] = frozenset()

    def look(self, troubles: Sequence[str]) -> Iterator[Occasion]:
        """What is new; `troubles` has a text for each archive, "" where all is well."""
        found = {number: text for number, text in enumerate(troubles, 1) if text}
        for number, text in found.items():
            if number not in self._known:
                yield Occasion(cause=Cause.ARCHIVE, reason=text, number=number)
        self._known = frozenset(found)


class StallWatch:
    """Tells once when nothing has moved for `seconds` (0: never), and again only after something has."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since: float | None = None
        self._seen: tuple[int, ...] = ()
        self._told = False

    def look(self, tallies: Tallies, *, now: float, paused: bool) -> Occasion | None:
        """Look at the ledger's tallies at a monotonic time; pauses do not count."""
        amounts = _moved(tallies)
        moved = any(after > before for after, before in zip(amounts, self._seen or amounts, strict=True))
        self._seen = amounts
        if moved or paused or self._since is None:
            self._since = now
            self._told = self._told and not moved
            return None
        if self._told or not self._seconds or now - self._since < self._seconds:
            return None
        self._told = True
        minutes = int((now - self._since) / 60)
        return Occasion(
            cause=Cause.STALL,
            reason=f"for {minutes} minutes no row was answered, no instance has come, and no study has ended",
        )


class RateLimit:
    """Lets a cause through at most once an hour, also over restarts: `told` outlives the process.

    Within a process the monotonic clock counts. What an earlier one told counts by the wall clock, and not
    at all where that has been set back behind it.
    """

    def __init__(self, told: Mapping[str, float]) -> None:
        self._told = dict(told)
        self._told_here: dict[str, float] = {}

    @property
    def told(self) -> Mapping[str, float]:
        """When each cause was let through last, in seconds since 1970."""
        return self._told

    def has_told(self, key: str) -> bool:
        """Whether this cause was ever told."""
        return key in self._told

    def lets(self, key: str, *, wall: datetime, monotonic: float) -> bool:
        """Whether this cause may be told now; if so it counts as told."""
        if key in self._told_here:
            quiet = monotonic - self._told_here[key]
        else:
            quiet = wall.timestamp() - self._told.get(key, float("-inf"))
        if 0 <= quiet < QUIET_SECONDS:
            return False
        self._told_here[key] = monotonic
        self._told[key] = wall.timestamp()
        return True


def _moved(tallies: Tallies) -> tuple[int, ...]:
    """Numbers that rise when work gets done; an attempt that comes to nothing raises none."""
    asked = ended = listed = study_ends = handed = 0
    for (subject, name), number in tallies.items():
        if subject == "row":
            asked += number * (name not in _NOT_ASKED)
            ended += number * (name in ROW_ENDS)
        elif subject == "study":
            listed += number * (name not in _NOT_LISTED)
            study_ends += number * (name in STUDY_ENDS)
        elif subject.startswith(SUBJECT):
            handed += number * (name in HANDOVER_ENDS)
    return (
        asked,
        ended,
        listed,
        study_ends,
        handed,
        *(tallies.get(("instance", name), 0) for name in _AMOUNTS),
    )
