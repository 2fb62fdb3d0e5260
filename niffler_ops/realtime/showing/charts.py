"""The charts of a receiver's page: arrivals, lag, backlog and disk over the last week, and who sends."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from niffler_ops.realtime.showing.history import Minute
from niffler_ops.reporting.page.charts import Chart
from niffler_ops.reporting.page.drawing import Bar, Column, bars, columns
from niffler_ops.reporting.page.history import Turn
from niffler_ops.reporting.page.timeline import Span, Timeline
from niffler_ops.reporting.page.words import pace
from niffler_ops.reporting.words import counted, local_time, number, size
from niffler_ops.terminal import printable

GB, MB = 1e9, 1e6
SECONDS_IN_HOUR = 3600
MOST_SOURCES = 12
ROOM_FOR_TITLES = 168.0  # 16 letters on a phone, too

Spanned = Sequence[tuple[Span, Sequence[Minute]]]


def charts(
    history: Sequence[Minute], sources: Sequence[Mapping[str, Any]], *, now_minute: int | None
) -> list[Chart]:
    """All that have something to show; with `now_minute`, while it is at work, time goes on to it."""
    drawn = []
    if history:
        timeline = Timeline.over(
            history[0].minute, max(history[-1].minute, now_minute or 0), list(_turns(history, now_minute))
        )
        by_column: dict[int, list[Minute]] = {}
        for minute in history:
            by_column.setdefault(timeline.column_of(minute.minute), []).append(minute)
        spanned = [(column, by_column.get(column.begin, [])) for column in timeline.columns]
        drawn += [make(spanned, timeline) for make in (_arrivals, _lag, _backlog, _disk)]
    if sources:
        drawn.append(_sources(sources))
    return drawn


def _turns(history: Sequence[Minute], now_minute: int | None) -> Iterator[Turn]:
    """When it was not at work: minutes without an entry."""
    minutes = [minute.minute for minute in history] + ([] if now_minute is None else [now_minute])
    for before, after in pairwise(minutes):
        if after - before > 2:  # noqa: PLR2004 - a minute may be missed by one that is busy
            yield Turn(before + 1, "stopped")
            yield Turn(after, "running")


def _arrivals(spanned: Spanned, timeline: Timeline) -> Chart:
    total = sum(minute.instances for _, minutes in spanned for minute in minutes)
    amount = sum(minute.bytes for _, minutes in spanned for minute in minutes)

    def rate(column: Span, minutes: Sequence[Minute]) -> float:
        return sum(minute.instances for minute in minutes) / column.hours / SECONDS_IN_HOUR

    highest = max(rate(*one) for one in spanned)
    return _chart(
        spanned,
        timeline,
        name="arrivals",
        title="Instances a second",
        kind="instances",
        reading=f"{counted(total, 'instance')} ({size(amount)}) came in {timeline.words},"
        f" at most {pace(highest)} a second.{_shading(timeline)}",
        value=rate,
        words=lambda minutes: ", ".join(_amount(minutes)),
        header=("from", "instances", "size"),
        cells=_amount,
    )


def _lag(spanned: Spanned, timeline: Timeline) -> Chart:
    def worst(minutes: Sequence[Minute]) -> float:
        return max((minute.lag for minute in minutes), default=0.0)

    highest = max(worst(minutes) for _, minutes in spanned)
    return _chart(
        spanned,
        timeline,
        name="lag",
        title="Seconds from arrival to record",
        kind="kind-2",
        reading=f"How long the oldest of what is not read or not stored waits: at most {pace(highest)} s.",
        value=lambda _column, minutes: worst(minutes),
        words=lambda minutes: f"{pace(worst(minutes))} s at worst",
        header=("from", "seconds"),
        cells=lambda minutes: (pace(worst(minutes)),),
    )


def _backlog(spanned: Spanned, timeline: Timeline) -> Chart:
    def files(minutes: Sequence[Minute]) -> int:
        return max((minute.unread for minute in minutes), default=0)

    def series(minutes: Sequence[Minute]) -> int:
        return max((minute.unstored for minute in minutes), default=0)

    return _chart(
        spanned,
        timeline,
        name="backlog",
        title="Files not read yet",
        kind="kind-3",
        reading=f"At most {counted(max(files(minutes) for _, minutes in spanned), 'file')} at once."
        f" Series not stored: at most {number(max(series(minutes) for _, minutes in spanned))}.",
        value=lambda _column, minutes: files(minutes),
        words=lambda minutes: f"{counted(files(minutes), 'file')}, {number(series(minutes))} series",
        header=("from", "files not read", "series not stored"),
        cells=lambda minutes: (number(files(minutes)), number(series(minutes))),
    )


def _disk(spanned: Spanned, timeline: Timeline) -> Chart:
    def held(minutes: Sequence[Minute]) -> int:
        return minutes[-1].waiting_bytes if minutes else 0

    deleted = sum(minute.deleted_bytes for _, minutes in spanned for minute in minutes)
    unit, amount = ("GB", GB) if max(held(minutes) for _, minutes in spanned) >= GB else ("MB", MB)
    return _chart(
        spanned,
        timeline,
        name="disk",
        title=f"{unit} on the disk",
        kind="kind-5",
        reading=f"Images that wait to be deleted. {size(deleted)} were deleted in {timeline.words}.",
        value=lambda _column, minutes: held(minutes) / amount,
        words=lambda minutes: f"{size(held(minutes))}, {_deleted(minutes)} deleted",
        header=("from", "on the disk", "deleted"),
        cells=lambda minutes: (size(held(minutes)), _deleted(minutes)),
    )


def _sources(sources: Sequence[Mapping[str, Any]]) -> Chart:
    largest = sorted(sources, key=lambda source: -source["instances"])
    shown = largest[:MOST_SOURCES]
    reading = f"{counted(len(sources), 'sender')} by AE title, as the images' headers name them."
    if len(largest) > len(shown):
        reading += f" The {len(shown)} that have sent most are drawn."
    return Chart(
        name="sources",
        title="Instances by sender",
        reading=reading,
        drawing=bars(
            [
                Bar(
                    "partial" if source["silent"] else "instances",
                    printable(source["aet"]),
                    source["instances"],
                    f"{number(source['instances'])}{' silent' * source['silent']}",
                )
                for source in shown
            ],
            name="Instances by sender",
            left=ROOM_FOR_TITLES,
        ),
        legend=(),
        header=("sender", "instances", "size", "last"),
        table=[
            (
                printable(source["aet"]),
                number(source["instances"]),
                size(source["bytes"]),
                local_time(source["last_at"]),
            )
            for source in largest
        ],
    )


def _chart(
    spanned: Spanned,
    timeline: Timeline,
    *,
    name: str,
    title: str,
    kind: str,
    reading: str,
    value: Callable[[Span, Sequence[Minute]], float],
    words: Callable[[Sequence[Minute]], str],
    header: Sequence[str],
    cells: Callable[[Sequence[Minute]], Sequence[str]],
) -> Chart:
    """One number over time."""
    drawn = [
        Column(
            column.left, column.right, [(kind, value(column, minutes))], f"{column.words}: {words(minutes)}"
        )
        for column, minutes in spanned
    ]
    return Chart(
        name=name,
        title=title,
        reading=reading,
        drawing=columns(drawn, name=title, labels=timeline.labels, bands=timeline.bands),
        legend=(),
        header=header,
        table=[(column.words, *cells(minutes)) for column, minutes in spanned if minutes],
    )


def _amount(minutes: Sequence[Minute]) -> tuple[str, str]:
    return number(sum(minute.instances for minute in minutes)), size(sum(minute.bytes for minute in minutes))


def _deleted(minutes: Sequence[Minute]) -> str:
    return size(sum(minute.deleted_bytes for minute in minutes))


def _shading(timeline: Timeline) -> str:
    return " Shaded: not at work." if timeline.bands else ""
