"""The receivers of this machine, in words and as scripts read them; one that hangs holds nobody up."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from niffler_ops.clock import Clock
from niffler_ops.errors import MissingInputError
from niffler_ops.processes.holders import RECEIVER
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.showing import words
from niffler_ops.realtime.showing.metrics import receiver_metrics
from niffler_ops.realtime.showing.worries import worries
from niffler_ops.realtime.status import ReceiverStatus, gather, is_receiver
from niffler_ops.reporting.registry import GONE, NO_ANSWER, NOT_OURS, UNKNOWN, receivers, side_by_side
from niffler_ops.reporting.registry_text import INDENT, wrapped
from niffler_ops.reporting.watch.neighbour import Neighbour
from niffler_ops.reporting.words import counted
from niffler_ops.terminal import printable

ORDER = ("running", "crashed", "stopped", UNKNOWN)


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenReceiver:
    """A receiver; without `status` it cannot be read, for the reason in `note`."""

    folder: Path
    state: str
    status: ReceiverStatus | None = None
    note: str = ""


def of_this_machine(clock: Clock) -> list[SeenReceiver]:
    """Those that were started here, and those that run; not where the folder does not exist any more."""
    return [one for one in examined(map(Path, receivers()), clock) if one.state != GONE]


def examined(folders: Iterable[Path], clock: Clock) -> list[SeenReceiver]:
    """Those in these folders, those at work first."""
    wanted = list(dict.fromkeys(folders))
    answers = side_by_side({(RECEIVER, folder): partial(_examine, folder, clock) for folder in wanted})
    seen = [
        answer or SeenReceiver(folder=folder, state=UNKNOWN, note=NO_ANSWER)
        for folder, answer in zip(wanted, answers, strict=True)
    ]
    return sorted(seen, key=lambda one: ORDER.index(one.state) if one.state in ORDER else len(ORDER))


def receivers_text(seen: Iterable[SeenReceiver]) -> str:
    """Two lines for each, as extractions are listed."""
    return "".join(f"{line}\n" for one in seen for line in _lines(one))


def neighbours(seen: Iterable[SeenReceiver]) -> list[Neighbour]:
    """The same for those who watch the machine."""
    return [Neighbour(storage_folder=str(one.folder), state=one.state, told=_told(one)) for one in seen]


def receivers_json(seen: Iterable[SeenReceiver]) -> list[dict[str, Any]]:
    """One object for each, which `kind` tells from extractions."""
    return [
        {
            "kind": "receiver",
            "storage_folder": str(one.folder),
            "state": one.state,
            "note": one.note,
            "instances_per_second": one.status and one.status.receiver["rate"],
            "lag_seconds": one.status and one.status.receiver["lag"],
        }
        for one in seen
    ]


def _lines(one: SeenReceiver) -> Iterator[str]:
    yield f"{one.state:{len(INDENT)}}{printable(str(one.folder))}"
    for text in _told(one):
        yield from wrapped(text)


def _told(one: SeenReceiver) -> list[str]:
    """How it stands, and what needs somebody."""
    status = one.status
    if status is None:
        return [one.note]
    receiver = status.receiver
    stands = (
        f"receiver, {counted(status.counts['received'], 'instance')}, {receiver['rate']:,.1f} a second,"
        f" {receiver['lag']:,.0f} s behind"
    )
    return [stands, *worries(status)]


def _examine(folder: Path, clock: Clock) -> SeenReceiver:
    if not is_receiver(Place(folder)):
        return SeenReceiver(folder=folder, state=GONE, note="no receiver has worked there")
    try:
        status = gather(Place(folder), clock)
        seen = SeenReceiver(folder=folder, state=status.state, status=status)
        # What cannot be told of one must not keep anybody from hearing of the others.
        _ = _told(seen), receiver_metrics([status]), words.state_words(status), list(words.figures(status))
    except MissingInputError as error:
        return SeenReceiver(folder=folder, state=UNKNOWN, note=str(error))
    except Exception:  # noqa: BLE001 - any account may name any folder, and have put there what it likes
        return SeenReceiver(folder=folder, state=UNKNOWN, note=NOT_OURS)
    return seen
