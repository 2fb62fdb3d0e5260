"""Rows with problems and what to do about them, and what happened last."""

import textwrap
from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from niffler_ops.ledger.watching import WatchedEvent
from niffler_ops.reporting.narration import short_name, without_uids
from niffler_ops.reporting.remedy import remedy
from niffler_ops.reporting.status import Problem, Status
from niffler_ops.reporting.watch.fitting import NARROWEST, Section
from niffler_ops.reporting.watch.signs import Signs, sign
from niffler_ops.reporting.words import counted
from niffler_ops.states import RowState
from niffler_ops.terminal import printable

PROBLEMS_SHOWN = 60
INDENT = 2


def problems(status: Status, signs: Signs) -> Section:
    """The first of them by line."""
    total = status.rows.problems
    if not total:
        return Section(rank=3, lines=[])
    title = Text(f"{counted(total, 'row')} with problems", style="bold")
    shown = status.problems[:PROBLEMS_SHOWN]
    column = max((len(str(problem.line)) for problem in shown), default=0)
    lines = [title, *(_problem(problem, column, signs) for problem in shown)]
    beyond = total - len(shown)
    return Section(rank=3, lines=lines, least=2, listing=True, beyond=beyond)


def what_to_do(status: Status, width: int) -> Section:
    """About these rows: whole, where there is room for it."""
    lines = textwrap.wrap(remedy(status), max(width - INDENT, NARROWEST), break_on_hyphens=False)
    return Section(rank=8, lines=[Text(f"{'':{INDENT}}{line}") for line in lines], least=len(lines))


def _problem(problem: Problem, column: int, signs: Signs) -> Text:
    outcome = problem.outcome.replace("_", " ")
    state = "partial" if problem.outcome is RowState.PARTIAL else str(problem.outcome)
    reason = printable(without_uids(problem.reason))
    return Text.assemble("  ", sign(state, signs), f" line {problem.line:>{column}}  {outcome:9}  {reason}")


def events(newest: Sequence[WatchedEvent], signs: Signs) -> Section:
    """The newest first."""
    if not newest:
        return Section(rank=7, lines=[])
    lines = [Text("Newest events", style="bold"), *(_event(event, signs) for event in newest)]
    return Section(rank=7, lines=lines, least=2)


def _event(event: WatchedEvent, signs: Signs) -> Text:
    at = f"{datetime.fromisoformat(event.at).astimezone():%H:%M:%S}"
    reason = printable(without_uids(event.reason))
    because = f": {reason}" if reason else ""
    text = f" {_subject(event)} {printable(event.state).replace('_', ' ')}{because}"
    return Text.assemble(f"  {at} ", sign(event.state, signs), text)


def _subject(event: WatchedEvent) -> str:
    if event.subject == "row":
        return "a withdrawn line" if event.line is None else f"line {event.line}"
    if event.study_instance_uid is None:
        return event.subject
    study = f"study {short_name(event.study_instance_uid)}"
    return f"{printable(event.processor)} of {study}" if event.processor else study
