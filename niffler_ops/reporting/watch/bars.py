"""How much is done, and how fast: rows, studies, instances, post-processing, throughput."""

from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from niffler_ops.reporting.counts import Counts, PostCounts
from niffler_ops.reporting.status import AT_WORK, Status
from niffler_ops.reporting.watch.fitting import Section
from niffler_ops.reporting.watch.signs import BLUE, LABEL, Signs, bar, sparkline
from niffler_ops.reporting.watch.throughput import STEP_SECONDS
from niffler_ops.reporting.words import number, size
from niffler_ops.terminal import printable

MOST_STEPS = 120
NARROWEST, WIDEST = 8, 60
WORDS = 49  # beside a bar
STEPS_IN_MINUTE = 60 // STEP_SECONDS


def sections(status: Status, rates: Sequence[float], width: int, signs: Signs) -> Iterator[Section]:
    """A line for each."""
    yield Section(rank=1, lines=[counted("Rows", status.rows, width, signs)])
    yield Section(rank=2, lines=[counted("Studies", status.studies, width, signs)])
    yield Section(rank=2, lines=[_instances(status, width, signs)])
    posts = [_post(name, post, width, signs) for name, post in status.post.items()]
    yield Section(rank=5, lines=posts, listing=True)
    if status.state in AT_WORK:
        yield Section(rank=4, lines=[_throughput(status, rates, width, signs)])


def bar_width(width: int) -> int:
    """How many cells a bar gets."""
    return min(max(width - LABEL - WORDS - 1, NARROWEST), WIDEST)


def parts_of(counts: Counts) -> Mapping[str, int]:
    """What a bar of rows or studies is made of."""
    return {
        "done": counts.done,
        "problem": counts.problems,
        "active": counts.active,
        "pending": counts.pending,
    }


def counted(label: str, counts: Counts, width: int, signs: Signs) -> Text:
    """Each kind of problem by name, or where that is too long, all together."""
    done = f"{number(counts.done)} of {number(counts.total - counts.withdrawn)} done"
    by_name = {
        "at work": counts.active,
        "partial": counts.partial,
        "failed": counts.failed,
        "not found": counts.not_found,
        "rejected": counts.rejected,
    }
    together = {"at work": counts.active, "problems": counts.problems}
    told = [_words(done, named) for named in (by_name, together)]
    room = width - LABEL - NARROWEST - 1
    return line(label, parts_of(counts), told[len(told[0]) > room], width, signs)


def _words(first: str, named: Mapping[str, int]) -> str:
    return ", ".join([first, *(f"{number(value)} {name}" for name, value in named.items() if value)])


def _instances(status: Status, width: int, signs: Signs) -> Text:
    if status.lists_only:
        words = f"{number(status.expected)} in the archive, not retrieved"
        return line("Instances", {"done": status.expected}, words, width, signs)
    parts = {"done": status.received, "pending": max(status.expected - status.received, 0)}
    words = f"{number(status.received)} of {number(status.expected)}, {size(status.bytes_received)}"
    return line("Instances", parts, words, width, signs)


def _post(name: str, post: PostCounts, width: int, signs: Signs) -> Text:
    parts = {"done": post.done, "problem": post.failed, "active": post.active, "pending": post.pending}
    named = {"at work": post.active, "failed": post.failed, "held back": post.held}
    words = _words(f"{number(post.done)} of {number(post.total)} studies", named)
    return line(printable(name).capitalize(), parts, words, width, signs)


def line(label: str, parts: Mapping[str, int], words: str, width: int, signs: Signs) -> Text:
    """A bar between its label and its words, shorter where these need the room."""
    cells = max(min(bar_width(width), width - LABEL - len(words) - 1), NARROWEST)
    return Text.assemble(f"{label:{LABEL}}", bar(parts, cells, signs), " ", words)


def _throughput(status: Status, rates: Sequence[float], width: int, signs: Signs) -> Text:
    pace = status.rate
    studies = f"; {pace.studies_per_hour:,.0f} studies/h"
    return throughput(rates, pace.instances_per_second, width, signs).append(studies)


def throughput(rates: Sequence[float], now: float, width: int, signs: Signs) -> Text:
    """A sparkline of the last minutes, the rate now and the highest one in words."""
    steps = bar_width(width) // STEPS_IN_MINUTE * STEPS_IN_MINUTE or NARROWEST
    shown = rates[-steps:]
    drawn = f"{sparkline(shown, signs):{bar_width(width)}}"
    peak = f"peak {max((now, *shown)):,.1f} in {steps // STEPS_IN_MINUTE or 1} min"
    return Text.assemble(f"{'Instances/s':{LABEL}}", (drawn, BLUE), f" {now:,.1f}, {peak}")
