"""movescu: its arguments, and what its log says about each C-MOVE."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.datadict import tag_for_keyword

from niffler_ops.dicomtools.responses import parse_response
from niffler_ops.dicomtools.timeouts import Timeouts
from niffler_ops.model import Peer


@dataclass(frozen=True, kw_only=True, slots=True)
class MoveResponse:
    """One C-MOVE response; a counter is None where the archive left it out (PS3.4 C.4.2.1.6 to 9).

    Neither status nor counters prove that an instance arrived. `error_comment` may hold identifiers.
    """

    message_id: int
    status: int
    remaining: int | None
    completed: int | None
    failed: int | None
    warning: int | None
    error_comment: str
    pending: bool


@dataclass(slots=True)
class MoveLog:
    """What a movescu has logged so far; the n-th query file has message id n, counted from 1.

    `final` and `last_pending` are by message id. A query without an entry in `final` has no outcome.
    """

    final: dict[int, MoveResponse] = field(default_factory=dict)
    last_pending: dict[int, MoveResponse] = field(default_factory=dict)

    def feed(self, line: str | bytes) -> MoveResponse | None:
        """Take one line of the output; gives the response that it logs, if it logs one."""
        parsed = parse_response(line)
        if parsed is None or parsed.command != "C-MOVE":
            return None
        response = MoveResponse(
            message_id=parsed.message_id,
            status=parsed.status.code,
            remaining=parsed.counters.get("remaining"),
            completed=parsed.counters.get("completed"),
            failed=parsed.counters.get("failed"),
            warning=parsed.counters.get("warning"),
            error_comment=parsed.status.comment,
            pending=parsed.pending,
        )
        (self.last_pending if response.pending else self.final)[response.message_id] = response
        return response


def movescu_arguments(
    *,
    archive: Peer,
    calling_aet: str,
    destination: str,
    level: str,
    query_files: Sequence[Path],
    timeouts: Timeouts,
    keywords: Sequence[str] = (),
) -> list[str]:
    """Arguments for one C-MOVE for each query file, one after another over one association.

    `level` is STUDY, SERIES or IMAGE. Of a query file only the UIDs of study, series and instances are used,
    or instead of them the attributes of `keywords`.
    """
    if not query_files:
        raise ValueError("movescu without a query file would retrieve everything")
    return [
        *("-c", str(archive), "-b", calling_aet, "--dest", destination, "-L", level),
        "--not-async",  # else every request is sent at once, and one time-out ends them all
        *timeouts.arguments(),
        *(part for tag in _ascending(keywords) for part in ("-i", tag)),
        "--",
        *(str(file) for file in query_files),
    ]


def _ascending(keywords: Sequence[str]) -> list[str]:
    """The tags in the only order in which movescu loses none of them."""
    tags = [tag_for_keyword(keyword) for keyword in keywords]
    return [f"{tag:08X}" for tag in sorted(tag for tag in tags if tag is not None)]
