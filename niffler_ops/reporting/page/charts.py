"""The charts of a page: each as a drawing, in a sentence, and as a table for those who want numbers."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from markupsafe import Markup

from niffler_ops.reporting.counts import Counts
from niffler_ops.reporting.page.drawing import Bar, Column, bars, columns
from niffler_ops.reporting.page.history import STEPS, History
from niffler_ops.reporting.page.timeline import Timeline
from niffler_ops.reporting.page.words import pace, share
from niffler_ops.reporting.words import counted, duration, number
from niffler_ops.states import StudyState

ENDS = (StudyState.DONE, StudyState.PARTIAL, StudyState.FAILED)
STATES = ("done", "active", "pending", "partial", "failed", "not_found", "rejected")
KINDS = 6  # modalities with a colour of their own; the others share one
DAYS_SHOWN = 48
DAY_SPANS = (1, 7, 28, 91, 364, 3640)
DAY_LABELS = 5
DURATION_LABELS = 7
FEWEST_DAYS = 5  # so that one day is no block


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """One figure; `legend` is pairs of a kind (its class in the style sheet) and its label."""

    name: str
    title: str
    reading: str
    drawing: Markup
    legend: Sequence[tuple[str, str]]
    header: Sequence[str]
    table: Sequence[Sequence[str]]


def charts(history: History, *, rows: Counts, studies: Counts, now_minute: int | None) -> list[Chart]:
    """All that have something to show; with `now_minute`, while somebody is at work, time goes on to it."""
    drawn = [_states("rows", rows), _states("studies", studies)]
    if history.minutes:
        timeline = Timeline.of(history, now_minute)
        drawn += [_throughput(history, timeline)]
        if any(history.instances.values()):
            drawn += [_instances(history, timeline)]
        drawn += [_days(history)]
    if any(history.durations):
        drawn += [_durations(history.durations)]
    return drawn


def _states(subject: str, counts: Counts) -> Chart:
    numbers = {state: getattr(counts, state) for state in STATES}
    shown = {state: value for state, value in numbers.items() if value}
    words = [(state.replace("_", " "), number(value)) for state, value in shown.items()]
    reading = ", ".join(f"{value} {label}" for label, value in words) or "none yet"
    return Chart(
        name=f"states-of-{subject}",
        title=f"States of {subject}",
        reading=f"{counted(counts.total - counts.withdrawn, 'row')}: {reading}."
        if subject == "rows"
        else f"{number(counts.total)} studies: {reading}.",
        drawing=bars(
            [
                Bar(state, state.replace("_", " "), value, number(value))
                for state, value in numbers.items()
                if value or subject == "rows" or state in {"done", "active", "pending", "partial", "failed"}
            ],
            name=f"States of {subject}",
        ),
        legend=(),
        header=("state", subject, "share"),
        table=[
            (state.replace("_", " "), number(value), share(value, counts.total))
            for state, value in shown.items()
        ],
    )


def _throughput(history: History, timeline: Timeline) -> Chart:
    sums = timeline.sums(history.minutes)
    drawn, table = [], []
    for column in timeline.columns:
        ended = sums.get(column.begin, Counter())
        parts = [(str(state), ended[state] / column.hours) for state in ENDS]
        drawn.append(Column(column.left, column.right, parts, f"{column.words}: {_ended(ended)}"))
        if ended:
            table.append((column.words, *(number(ended[state]) for state in ENDS)))
    highest = max(sum(value for _, value in column.parts) for column in drawn)
    total = sum(sum(ended.values()) for ended in sums.values())
    return Chart(
        name="throughput",
        title="Studies an hour",
        reading=f"{counted(total, 'study')} ended in {timeline.words},"
        f" at most {pace(highest)} an hour.{timeline.shading}",
        drawing=columns(drawn, name="Studies an hour", labels=timeline.labels, bands=timeline.bands),
        legend=[(str(state), str(state)) for state in ENDS],
        header=("from", *map(str, ENDS)),
        table=table,
    )


def _instances(history: History, timeline: Timeline) -> Chart:
    sums: dict[int, int] = {}
    for minute, instances in history.instances.items():
        begin = timeline.column_of(minute)
        sums[begin] = sums.get(begin, 0) + instances
    drawn = [
        Column(
            column.left,
            column.right,
            [("instances", sums.get(column.begin, 0) / column.hours / 3600)],
            f"{column.words}: {counted(sums.get(column.begin, 0), 'instance')}",
        )
        for column in timeline.columns
    ]
    highest = max(value for column in drawn for _, value in column.parts)
    return Chart(
        name="instances",
        title="Instances a second",
        reading=f"An instance counts when its study ends. At most {pace(highest)} a second.",
        drawing=columns(drawn, name="Instances a second", labels=timeline.labels, bands=timeline.bands),
        legend=(),
        header=("from", "instances"),
        table=[
            (column.words, number(sums[column.begin]))
            for column in timeline.columns
            if sums.get(column.begin)
        ],
    )


def _days(history: History) -> Chart:
    known = any(modality for day in history.days.values() for modality, _ in day)
    totals: Counter[str] = Counter()
    by_day: dict[date, Counter[str]] = {}
    first, span = min(history.days), _day_span(history)
    for day, ended in history.days.items():
        begin = first + (day - first) // timedelta(days=span) * timedelta(days=span)
        for (modality, state), studies in ended.items():
            label = (modality or "not told") if known else str(state)
            by_day.setdefault(begin, Counter())[label] += studies
            totals[label] += studies
    kinds = dict(_kinds(totals)) if known else {str(state): str(state) for state in ENDS}
    last = max(by_day)
    shown = max((last - first).days // span + 1, FEWEST_DAYS)
    begins = [first + timedelta(days=span * index) for index in range(shown)]
    drawn = [
        Column(
            (index + 0.1) / len(begins),
            (index + 0.9) / len(begins),
            _parts(by_day.get(begin, Counter()), kinds),
            f"{begin}: {_words(by_day.get(begin, Counter()))}",
        )
        for index, begin in enumerate(begins)
    ]
    what = "modality" if known else "outcome"
    named = {**{label: kind for label, kind in kinds.items() if kind != "kind-0"}}
    others = [label for label, kind in kinds.items() if kind == "kind-0"]
    return Chart(
        name="days",
        title=f"Studies by {what} and {'day' if span == 1 else f'{span} days'}",
        reading=f"By the day on which a study reached its end. {_words(totals)}.",
        drawing=columns(
            drawn,
            name=f"Studies by {what} and day",
            labels=[
                ((index + 0.5) / len(begins), f"{begin.day} {begin:%b}")
                for index, begin in enumerate(begins)
                if begin <= last and index % -(-len(begins) // DAY_LABELS) == 0
            ],
        ),
        legend=[
            *((kind, label) for label, kind in named.items()),
            *([("kind-0", "others")] if others else []),
        ],
        header=("day", *kinds),
        table=[(str(begin), *(number(by_day[begin][label]) for label in kinds)) for begin in sorted(by_day)],
    )


def _day_span(history: History) -> int:
    days = (max(history.days) - min(history.days)).days + 1
    return next((span for span in DAY_SPANS if days / span <= DAYS_SHOWN), DAY_SPANS[-1])


def _kinds(totals: Counter[str]) -> Iterator[tuple[str, str]]:
    for index, (label, _) in enumerate(totals.most_common(), start=1):
        yield label, f"kind-{index}" if index <= KINDS else "kind-0"


def _parts(counter: Counter[str], kinds: dict[str, str]) -> list[tuple[str, float]]:
    return [(kind, float(counter[label])) for label, kind in kinds.items()]


def _durations(histogram: Sequence[int]) -> Chart:
    names = [f"up to {_step(step)}" for step in STEPS] + [f"over {_step(STEPS[-1])}"]
    last = max(index for index, value in enumerate(histogram) if value)
    shown = histogram[: last + 1]
    drawn = [
        Column(
            (index + 0.1) / len(shown),
            (index + 0.9) / len(shown),
            [("instances", float(value))],
            f"{names[index]}: {counted(value, 'retrieve')}",
        )
        for index, value in enumerate(shown)
    ]
    half, most = (_quantile(histogram, part) for part in (0.5, 0.9))
    return Chart(
        name="durations",
        title="How long a study takes to be sent",
        reading=f"{counted(sum(histogram), 'retrieve')}: half of them took {names[half]},"
        f" nine of ten {names[most]}.",
        drawing=columns(
            drawn,
            name="Retrieves by duration",
            labels=[
                ((index + 0.5) / len(shown), _step(STEPS[index]) if index < len(STEPS) else "longer")
                for index in range(0, len(shown), -(-len(shown) // DURATION_LABELS))
            ],
        ),
        legend=(),
        header=("took", "retrieves"),
        table=[(name, number(value)) for name, value in zip(names, histogram, strict=True) if value],
    )


def _step(seconds: int) -> str:
    return duration(timedelta(seconds=seconds)).removesuffix(" 0 min")


def _quantile(histogram: Sequence[int], part: float) -> int:
    """The class up to which this part of all lies."""
    wanted, so_far = sum(histogram) * part, 0
    for index, value in enumerate(histogram):
        so_far += value
        if so_far >= wanted:
            return index
    return len(histogram) - 1


def _ended(ended: Counter[StudyState]) -> str:
    return ", ".join(f"{number(ended[state])} {state}" for state in ENDS if ended[state]) or "none"


def _words(counter: Counter[str]) -> str:
    return ", ".join(f"{number(value)} {label}" for label, value in counter.most_common()) or "none"
