"""Rows of the CSV: import, claims for a query, and the state that follows from their studies."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from niffler_ops.ledger.connection import LedgerConnection
from niffler_ops.ledger.wanting import FoundStudy, want
from niffler_ops.model import CsvRow
from niffler_ops.states import (
    ROW_ENDS,
    ROW_REWINDS,
    RowState,
    StudyState,
    check_row_transition,
    row_outcome,
)

REASONS_SHOWN = 3
_LAST_LINE = 2**62
_json = json.JSONEncoder(sort_keys=True, ensure_ascii=False).encode


@dataclass(frozen=True, kw_only=True, slots=True)
class ClaimedRow:
    """A row that a findscu is about to ask for; `attempts` includes this one."""

    id: int
    line: int
    keys: Mapping[str, str]
    attempts: int


def up_to(last_line: int | None) -> int:
    """A line of the CSV for queries that compare with one; None: beyond the last."""
    return _LAST_LINE if last_line is None else last_line


def stored(row: CsvRow) -> dict[str, object]:
    """A row as the ledger keeps it."""
    keys = None if row.refused else _json(dict(row.keys))
    return {"line": row.line, "cells": _json(row.values), "keys": keys, "reason": row.refused or ""}


class Rows:
    """The table of rows; callers hold the transaction."""

    def __init__(self, ledger: LedgerConnection) -> None:
        self._ledger = ledger

    def import_rows(self, rows: Iterable[CsvRow]) -> None:
        """Insert every line once; a line with the keys of an earlier one points to it."""
        self._ledger.run_many("insert_row", map(stored, rows))

    def claim(self, limit: int, *, archive: str = "", last_line: int | None = None) -> list[ClaimedRow]:
        """Take up to `limit` rows that are due for a query, none beyond `last_line` of the CSV.

        `archive` is the one that is going to be asked, "" the first of SrcAet.
        """
        if last_line is not None and not self.pending_up_to(last_line):
            return []  # rather than look at every row beyond
        rows = self._ledger.all(
            "rows_to_query",
            now=self._ledger.now_seconds(),
            archive=archive,
            limit=limit,
            last_line=up_to(last_line),
        )
        return [self._claimed(row) for row in rows]

    def claim_unqueried(self, *, archive: str, last_line: int | None = None) -> ClaimedRow | None:
        """Take a row that is to be retrieved by its keys, because the archive refuses its query."""
        row = self._ledger.one(
            "row_to_retrieve",
            archive=archive,
            now=self._ledger.now_seconds(),
            last_line=up_to(last_line),
        )
        return None if row is None else self._claimed(row)

    def retrieve_unqueried(self, row_id: int, reason: str) -> None:
        """The archive refuses the row's query: it is retrieved by its keys."""
        self._transition(row_id, RowState.QUERYING, RowState.PENDING, reason)
        self._ledger.run("row_unqueried", row_id)

    def adopt(self, row_id: int, study: FoundStudy, *, archive: str) -> int:
        """Link a row with a study that arrives for it; gives the study's id."""
        wanted = want(self._ledger, study, archive=archive)
        self._ledger.run("link", row_id, wanted.study_id)
        if wanted.reopened:
            self.settle_study(wanted.study_id)
        return wanted.study_id

    def follow(self, row_id: int, first_id: int, state: RowState, reason: str) -> None:
        """A pending row takes over what came of the one with the same keys that was asked before it."""
        if self._ledger.run("copy_links", row_id=row_id, first_id=first_id).rowcount:
            self._transition(row_id, RowState.PENDING, RowState.MATCHED, "")
            self._ledger.run("copy_untold", row_id=row_id, first_id=first_id)
            self.settle(row_id, RowState.MATCHED)
        else:
            self._transition(row_id, RowState.PENDING, state, reason)

    def ask_again(self, row_id: int, *, delay: float, charged: bool, reason: str) -> None:
        """The query did not come to an end: back to pending, after `delay` seconds."""
        self._transition(row_id, RowState.QUERYING, RowState.PENDING, reason)
        self._ledger.run(
            "row_retry", id=row_id, not_before=self._ledger.now_seconds() + delay, refund=0 if charged else 1
        )

    def to_pass_on(self, limit: int, *, archive: str, last_line: int | None = None) -> list[int]:
        """Pending rows that another archive may be asked for while this one does not answer."""
        line = up_to(last_line)
        rows = self._ledger.all("rows_to_pass_on", archive=archive, limit=limit, last_line=line)
        return [row["id"] for row in rows]

    def pass_on(self, row_id: int, *, archive: str, waits: bool, reason: str) -> None:
        """Another archive is asked for a pending row ("": the first)."""
        self._ledger.run("row_passed_on", id=row_id, archive=archive, waits=int(waits), reason=reason)

    def not_found(self, row_id: int, reason: str) -> None:
        """The archive answered that nothing matches."""
        self._came_to_nothing(row_id, RowState.NOT_FOUND, reason, mismatches=0)

    def failed(self, row_id: int, reason: str, *, mismatches: int = 0) -> None:
        """The query itself failed for good."""
        self._came_to_nothing(row_id, RowState.FAILED, reason, mismatches=mismatches)

    def matched(
        self, row_id: int, studies: Iterable[FoundStudy], *, archive: str, mismatches: int, untold: int = 0
    ) -> None:
        """Link the row and its equals with the studies that the archive named.

        `untold` is the number of studies that may match as well, of which it did not tell.
        """
        wanted = [want(self._ledger, study, archive=archive) for study in studies]
        ended = self._end_query(row_id, RowState.MATCHED, "", mismatches=mismatches)
        self._set_untold(ended, untold)
        self._ledger.run_many("link", ((row, study.study_id) for row in ended for study in wanted))
        for row in ended:
            self.settle(row, RowState.MATCHED)
        for study in wanted:
            if study.reopened:
                self.settle_study(study.study_id)

    def settle(self, row_id: int, state: RowState) -> None:
        """Bring a row to the state that its studies give it."""
        studies = self._ledger.all("studies_of_row", row_id)
        known = self._ledger.one("untold_of_row", row_id)
        untold = known["untold"] if known else 0
        outcome = row_outcome((StudyState(study["state"]) for study in studies), untold=untold)
        if outcome is state:
            return
        reasons = [study["reason"] for study in studies if study["reason"]]
        if untold and outcome in ROW_ENDS:
            reasons.insert(0, f"the archive did not tell whether {untold} more of the studies match")
        text = "; ".join(dict.fromkeys(reasons[:REASONS_SHOWN]))
        if len(reasons) > REASONS_SHOWN:
            text += f"; and {len(reasons) - REASONS_SHOWN} more studies"
        self._transition(row_id, state, outcome, text)

    def settle_study(self, study_id: int) -> None:
        """Bring every row that matched the study to the state that its studies give it.

        Except done ones: what they asked for is filed, also where another row wants more of the study. And
        those that are still being asked for, which settle when it is known what they match.
        """
        for row in self._ledger.all("rows_of_study", study_id):
            self.settle(row["id"], RowState(row["state"]))

    def rewind(self) -> int:
        """After a crash: rows in flight go back, at no cost in attempts; gives their number."""
        rows = self._ledger.all("rows_querying")
        for row in rows:
            before = RowState(row["state"])
            self._transition(row["id"], before, ROW_REWINDS[before], "")
            self._ledger.run("row_retry", id=row["id"], not_before=0.0, refund=1)
        return len(rows)

    def take_up(self, *, last_line: int | None = None) -> int:
        """For --retry-failed: rows that came to no study, or not to all of theirs, become pending."""
        rows = self._ledger.all("rows_to_take_up", last_line=up_to(last_line))
        for row in rows:
            self._transition(row["id"], RowState(row["state"]), RowState.PENDING, "")
            self._ledger.run("row_taken_up", row["id"])
        return len(rows)

    def line_of(self, number: int) -> int | None:
        """The line of the n-th row of the CSV, counted from 1; None where there are fewer."""
        row = self._ledger.one("line_of_row", number - 1)
        return None if row is None else int(row["line"])

    def open_up_to(self, line: int) -> bool:
        """Whether a row up to this line is not at its end."""
        return self._ledger.one("open_up_to", line) is not None

    def pending_up_to(self, line: int) -> bool:
        """Whether a row up to this line is pending."""
        return self._ledger.one("pending_up_to", line) is not None

    def states_up_to(self, line: int) -> dict[str, int]:
        """The number of rows up to this line by state."""
        return {row["state"]: row["number"] for row in self._ledger.all("states_up_to", line)}

    def problems(self, limit: int) -> list[tuple[int, RowState, str]]:
        """Line, state and reason of rows that did not become done, by line."""
        return [
            (row["line"], RowState(row["state"]), row["reason"])
            for row in self._ledger.all("problem_rows", limit)
        ]

    def _claimed(self, row: sqlite3.Row) -> ClaimedRow:
        self._ledger.one_changed("row_querying", row["id"])
        return ClaimedRow(
            id=row["id"], line=row["line"], keys=json.loads(row["keys"]), attempts=row["attempts"] + 1
        )

    def _came_to_nothing(self, row_id: int, after: RowState, reason: str, *, mismatches: int) -> None:
        """A row that an earlier try gave studies keeps them: they are not all that may match."""
        if self._ledger.one("links_of_row", row_id) is None:
            self._end_query(row_id, after, reason, mismatches=mismatches)
            return
        ended = self._end_query(row_id, RowState.MATCHED, reason, mismatches=mismatches)
        self._set_untold(ended, 1)
        for row in ended:
            self._ledger.run("copy_links", row_id=row, first_id=row_id)
            self.settle(row, RowState.MATCHED)

    def _set_untold(self, rows: Iterable[int], untold: int) -> None:
        if untold:
            self._ledger.run_many("row_untold", ({"id": row, "untold": untold} for row in rows))

    def _end_query(self, row_id: int, after: RowState, reason: str, *, mismatches: int) -> list[int]:
        """Apply the outcome to the row and to the pending rows with the same keys; gives their ids."""
        self._transition(row_id, RowState.QUERYING, after, reason)
        self._ledger.run("forget_passed", subject="row", subject_id=row_id)
        ended = [row_id]
        for same in self._ledger.all("rows_same_as", row_id):
            if same["state"] == RowState.PENDING:
                self._transition(same["id"], RowState.PENDING, after, reason)
                ended.append(same["id"])
        if mismatches:
            self._ledger.run_many("row_mismatches", ({"id": row, "mismatches": mismatches} for row in ended))
        return ended

    def _transition(self, row_id: int, before: RowState, after: RowState, reason: str) -> None:
        check_row_transition(before, after)
        self._ledger.one_changed("row_transition", id=row_id, before=before, after=after, reason=reason)
