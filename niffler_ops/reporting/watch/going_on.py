"""What goes on: lanes, how the archives answer, processes."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from niffler_ops.ledger.watching import WatchedLane
from niffler_ops.reporting.narration import short_name
from niffler_ops.reporting.standing import ArchiveStanding, Standing
from niffler_ops.reporting.status import AT_WORK, ExtractionState, ProcessStatus, Status
from niffler_ops.reporting.watch.fitting import Section
from niffler_ops.reporting.watch.signs import LABEL, Signs, sign
from niffler_ops.reporting.words import counted, duration, number, times
from niffler_ops.terminal import printable

WIDE = 100
FEW = {"movescu", "findscu", "postprocess"}  # of which many come and go


def lanes(going: Sequence[WatchedLane], standing: Standing, status: Status, width: int) -> Section:
    """Each lane that retrieves: which study, how much of it is here, for how long."""
    if status.state not in AT_WORK:
        return Section(rank=4, lines=[])
    of = (
        f"{len(going)} of {counted(standing.lanes, 'lane')}"
        if standing.lanes
        else counted(len(going), "lane")
    )
    title = f"{of} at work"
    if standing.tuning and going:
        title += f": {printable(standing.tuning)}"
    several = len({lane.archive for lane in going} | {archive.name for archive in standing.archives}) > 1
    drawn = [_lane(lane, status.gathered_at, several=several and width >= WIDE) for lane in going]
    return Section(rank=4, lines=[Text(title, style="bold"), *drawn], listing=True)


def _lane(lane: WatchedLane, now: datetime, *, several: bool) -> Text:
    since = duration(now - datetime.fromisoformat(lane.since))
    behind = f", {number(lane.studies - 1)} more in its batch" if lane.studies > 1 else ""
    archive = f"  {printable(lane.archive)}" if several else ""
    amount = f"{number(lane.received)} of {counted(lane.expected, 'instance')}"
    study = short_name(lane.study_instance_uid)
    return Text(f"  {lane.lane:>2}  study {study}  {amount}, for {since}{behind}{archive}")


def archives(standing: Standing, signs: Signs) -> Section:
    """How each archive answers, those that do not first."""
    told = sorted(standing.archives, key=lambda archive: archive.state == "answers")
    lines = [_archive(archive, signs) for archive in told]
    trouble = any(archive.state != "answers" for archive in told)
    return Section(rank=2 if trouble else 6, lines=lines, listing=True)


def _archive(archive: ArchiveStanding, signs: Signs) -> Text:
    state = "answers" if archive.state == "answers" else "problem"
    told = printable(f"{archive.name} {archive.words}")
    return Text.assemble(f"{'Archive':{LABEL}}", sign(state, signs), f" {told}")


def processes(status: Status, signs: Signs) -> Section:
    """The supervisor and the storescp by pid, the tools by number; what should not be there as well."""
    if status.state in {*AT_WORK, ExtractionState.CRASHED}:
        shown = list(status.processes)
    else:
        shown = [process for process in status.processes if process.alive]
    told = [_process(process, signs) for process in shown if process.role not in FEW]
    tools = Counter(process.role for process in shown if process.role in FEW and process.alive)
    told += [Text(f"{count} {role}") for role, count in tools.items()]
    if not told:
        return Section(rank=6, lines=[])
    text = Text.assemble(f"{'Processes':{LABEL}}", Text(", ").join(told))
    return Section(rank=3 if any(process.restarts for process in shown) else 6, lines=[text])


def _process(process: ProcessStatus, signs: Signs) -> Text:
    text = sign("answers" if process.alive else "problem", signs) + f" {process.role} {process.pid}"
    if not process.alive:
        text += " gone"
    if process.restarts:
        text += f", restarted {times(process.restarts)}"
    return text
