"""The state, why it is so, and what to do."""

import textwrap
from collections.abc import Iterator
from datetime import datetime, timedelta

from rich.text import Text

from niffler_ops.reporting.status import AT_WORK, ExtractionState, Status
from niffler_ops.reporting.status_text import advice, state_words
from niffler_ops.reporting.time_left import until_when
from niffler_ops.reporting.watch.fitting import NARROWEST, Section
from niffler_ops.reporting.watch.signs import Signs, sign
from niffler_ops.reporting.words import duration
from niffler_ops.terminal import printable

QUIET = timedelta(minutes=2)
LINES = 3  # of a reason or an advice


def section(status: Status, note: str, width: int, signs: Signs) -> Section:
    """State, time left, pause and advice."""
    lines = [Text.assemble(sign(status.state, signs), " ", (state_words(status), "bold"))]
    for text in _texts(status, note):
        lines += [
            Text(f"  {line}")
            for line in textwrap.wrap(
                printable(text), max(width - 2, NARROWEST), max_lines=LINES, placeholder=f" {signs.more}"
            )
        ]
    return Section(rank=0, lines=lines, least=2)


def _texts(status: Status, note: str) -> Iterator[str]:
    if status.pause_reason:
        yield f"Paused: {status.pause_reason}"
    paused = status.state is ExtractionState.PAUSED
    if status.state is ExtractionState.RUNNING or (paused and status.eta_seconds is not None):
        yield from _time_left(status)
    if status.state not in AT_WORK:
        yield " ".join(advice(status))
    elif status.updated_at and status.gathered_at - datetime.fromisoformat(status.updated_at) > QUIET:
        age = status.gathered_at - datetime.fromisoformat(status.updated_at)
        yield f"Its supervisor has written nothing for {duration(age)}: look into .niffler/niffler.log."
    if note:
        yield note


def _time_left(status: Status) -> Iterator[str]:
    if status.eta_seconds is None:
        yield "The time left is not known yet."
        return
    if not status.rows.open and not status.studies.open:
        yield "Every row is at its end; post-processing and the report are left."
        return
    left = f"About {duration(timedelta(seconds=status.eta_seconds))}"
    yield f"{left} to go{until_when(status)}."
