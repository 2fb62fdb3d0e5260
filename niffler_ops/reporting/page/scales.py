"""Where an axis has its ticks, and how time is divided into columns; pure."""

import math
from collections.abc import Sequence
from datetime import datetime

MINUTE = 60
DAY = 24 * 60
COLUMNS = 48
# Minutes that a column may cover; further ones are multiples of a day.
SPANS = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, DAY)
# Minutes between the labels of a time axis.
LABELS = (
    1,
    5,
    10,
    15,
    30,
    60,
    120,
    180,
    360,
    720,
    DAY,
    2 * DAY,
    7 * DAY,
    14 * DAY,
    28 * DAY,
    91 * DAY,
    364 * DAY,
)
LABELS_SHOWN = 5


def column_span(minutes: int) -> int:
    """How many minutes one column covers, so that there are at most COLUMNS."""
    wanted = max(minutes, 1) / COLUMNS
    return next((span for span in SPANS if span >= wanted), math.ceil(wanted / DAY) * DAY)


def ticks(highest: float) -> Sequence[float]:
    """Two to five round numbers from 0 on; the last is not below `highest`."""
    if highest <= 0:
        return (0.0, 1.0)
    rough = highest / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return [step * index for index in range(math.ceil(highest / step - 1e-9) + 1)]


def tick_text(value: float) -> str:
    """A tick in few letters: 250, 1.5 k."""
    for limit, unit in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if value >= limit:
            return f"{value / limit:g}{unit}"
    return f"{value:g}"


def time_labels(first: int, last: int) -> Sequence[tuple[int, str]]:
    """Minutes since 1970 that get a label on an axis, at round times of this machine's zone."""
    every = next((step for step in LABELS if (last - first) / step <= LABELS_SHOWN), LABELS[-1])
    offset = datetime.fromtimestamp(first * MINUTE).astimezone().utcoffset()
    shift = int(offset.total_seconds()) // MINUTE if offset else 0
    begin = -(-(first + shift) // every) * every - shift
    return [(minute, _label(minute, every)) for minute in range(begin, last + 1, every)]


def _label(minute: int, every: int) -> str:
    moment = datetime.fromtimestamp(minute * MINUTE).astimezone()
    if every >= DAY or (moment.hour, moment.minute) == (0, 0):
        return f"{moment.day} {moment:%b}"
    return f"{moment:%H:%M}"
