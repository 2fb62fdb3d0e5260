"""A receiver, as those see it who watch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text

from niffler_ops.clock import Clock
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.showing.worries import worries
from niffler_ops.realtime.status import ReceiverStatus, gather
from niffler_ops.reporting.watch.bars import MOST_STEPS, throughput
from niffler_ops.reporting.watch.fitting import Section
from niffler_ops.reporting.watch.signs import LABEL, Signs, sign
from niffler_ops.reporting.watch.throughput import Throughput
from niffler_ops.reporting.words import counted, local_time, number, size, times
from niffler_ops.terminal import printable


class ReceiverSource:
    """Looks at one receiver, and keeps what it saw of the throughput."""

    def __init__(self, place: Place, clock: Clock) -> None:
        self._place = place
        self._clock = clock
        self._throughput = Throughput()

    def look(self) -> "ReceiverPicture":
        """How it stands; MissingInputError where its record cannot be read."""
        status, now = gather(self._place, self._clock), self._clock.now().timestamp()
        self._throughput.see(now, status.counts["received"])
        return ReceiverPicture(status=status, rates=self._throughput.rates(now, MOST_STEPS))


@dataclass(frozen=True, kw_only=True, slots=True)
class ReceiverPicture:
    """One look; `rates` are instances a second by step, the newest last."""

    status: ReceiverStatus
    rates: Sequence[float]

    @property
    def title(self) -> str:
        """Its StorageFolder and what it listens on."""
        receiver = self.status.receiver
        return f"{receiver['storage_folder']}  {receiver['local_entities']}"

    @property
    def at_work(self) -> bool:
        """Whether it receives."""
        return self.status.state == "running"

    @property
    def told_at_once(self) -> tuple[object, ...]:
        """What needs somebody."""
        receiver = self.status.receiver
        silent = tuple(source["aet"] for source in self.status.sources if source["silent"])
        return (
            self.status.state,
            bool(receiver["pressure"]),
            bool(receiver["store_reason"]),
            self.status.unreadable_files,
            silent,
        )

    @property
    def line(self) -> str:
        """How it stands, in a line."""
        receiver, counts = self.status.receiver, self.status.counts
        told = [
            f"{self.status.state}: {counted(counts['received'], 'instance')} received",
            f"{receiver['rate']:,.1f} a second",
            f"{number(receiver['unread'])} not read",
            f"{number(receiver['unstored'])} series not stored",
            f"{counted(self.status.waiting['files'], 'file')} waiting",
        ]
        return ". ".join([", ".join(told), *(text.rstrip(".") for text in worries(self.status))])

    def sections(self, width: int, signs: Signs) -> Sequence[Section]:
        """State, worries, throughput, numbers, senders, processes."""
        status = self.status
        head = Text.assemble(
            sign(status.state, signs),
            " ",
            (status.state, "bold"),
            f", last entry {_time(status.receiver['updated_at'])}",
        )
        problems = [
            Text.assemble("  ", sign("problem", signs), f" {printable(text)}") for text in worries(status)
        ]
        return [
            Section(rank=0, lines=[head]),
            Section(rank=1, lines=problems, least=len(problems)),
            Section(rank=3, lines=[self._throughput(width, signs)] if self.at_work else []),
            *(Section(rank=2, lines=[line]) for line in self._numbers()),
            Section(rank=4, lines=[_process(process, signs) for process in status.processes], listing=True),
            Section(
                rank=5,
                lines=[Text("Senders", style="bold"), *(_sender(source, signs) for source in status.sources)],
                listing=True,
            ),
            _unreadable(status, signs),
        ]

    def _throughput(self, width: int, signs: Signs) -> Text:
        return throughput(self.rates, self.status.receiver["rate"], width, signs)

    def _numbers(self) -> Sequence[Text]:
        status, receiver, counts = self.status, self.status.receiver, self.status.counts
        facts = {
            "Received": f"{counted(counts['received'], 'instance')}, {size(counts['bytes'])},"
            f" {number(counts['repeated'])} of them again",
            "Backlog": f"{counted(receiver['unread'], 'file')} not read,"
            f" {number(receiver['unstored'])} series not stored, {receiver['lag']:,.0f} s behind",
            "Waiting": f"{counted(status.waiting['files'], 'file')}, {size(status.waiting['bytes'] or 0)};"
            f" next deletion {_time(receiver['deletes_at'])}",
            "Deleted": f"{counted(counts['deleted'], 'file')}, {size(counts['deleted_bytes'])}",
        }
        return [Text(f"{label:{LABEL}}{text}") for label, text in facts.items()]


def _sender(source: Mapping[str, Any], signs: Signs) -> Text:
    silent = " silent" if source["silent"] else ""
    text = f" {printable(source['aet']):16} {counted(source['instances'], 'instance')}, last"
    return Text.assemble(
        "  ", sign("waits" if silent else "answers", signs), f"{text} {_time(source['last_at'])}{silent}"
    )


def _process(process: Mapping[str, Any], signs: Signs) -> Text:
    state, gone = ("answers", "") if process["alive"] else ("problem", " gone")
    restarted = f", restarted {times(process['restarts'])}" if process["restarts"] else ""
    return Text.assemble(
        f"{'Process':{LABEL}}", sign(state, signs), f" {process['role']} {process['pid']}{gone}{restarted}"
    )


def _unreadable(status: ReceiverStatus, signs: Signs) -> Section:
    """By reason only: a path may hold an identifier."""
    if not status.unreadable:
        return Section(rank=6, lines=[])
    reasons = [
        Text.assemble("  ", sign("problem", signs), f" {printable(one['reason'])}")
        for one in status.unreadable
    ]
    return Section(rank=6, lines=[Text("Cannot be read", style="bold"), *reasons], least=2, listing=True)


def _time(text: str | None) -> str:
    return local_time(text) if text else "unknown"
