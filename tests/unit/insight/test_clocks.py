"""Clocks that are wrong are found from few series and from many, and right ones are left alone."""

from datetime import UTC, date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from niffler_ops.insight import clocks, lags, series_table, thinned
from niffler_ops.metadata import Record
from tests.unit.insight.series import record

DAY = 24 * 60
GENERATOR = 20260304


def series(
    offsets: list[float], *, every: float = 0.2, delay: float = 0.08, serial: str = "1"
) -> list[Record]:
    """Series one after another by a clock that is so many minutes fast, sent after up to twice the delay."""
    random = np.random.default_rng(GENERATOR)
    return [
        record(
            number * every,
            number * every,
            received=number * every + delay * random.uniform(0.1, 2),
            fast=fast,
            DeviceSerialNumber=serial,
        )
        for number, fast in enumerate(offsets)
    ]


def found(records: list[Record], **settings: float) -> pd.DataFrame:
    return clocks(thinned(lags(series_table(records))), **settings)


def test_ten_series_a_scanner_within_minutes_name_a_fast_clock_and_a_step() -> None:
    table = found(
        [
            *series([0.0] * 10, serial="right"),
            *series([40.0] * 10, serial="fast"),
            *series([0.0] * 5 + [60.0] * 5, serial="step"),
        ]
    )
    assert table["device_serial_number"].tolist() == ["step", "step", "fast", "right"]
    assert table["offset_minutes"].tolist() == pytest.approx([0, 60, 40, 0], abs=1)
    assert (table["low_minutes"] <= [0, 60, 40, 0]).all()
    assert (table["high_minutes"] >= [0, 60, 40, 0]).all()
    assert table["series"].tolist() == [5, 5, 10, 10]
    assert table["step_minutes"].tolist()[1] == pytest.approx(60, abs=1)
    before, after, fast, right = table["finding"]
    assert before == "the clock was right within 2 minutes"
    assert "is fast by" in after
    assert "time zone or daylight saving" in after
    assert "moved forward by" in after
    assert "set it back by 39." in fast or "set it back by 40" in fast
    assert "time zone" not in fast
    assert right == "the clock is right within 2 minutes"


def test_columns_that_scripts_rely_on_come_first() -> None:
    assert found([]).columns[:9].tolist() == [
        *("device_serial_number", "station_name", "from", "to"),
        *("offset_minutes", "low_minutes", "high_minutes", "series", "finding"),
    ]


@pytest.mark.parametrize("step", [60.0, -60.0, 12.0, -12.0])
@pytest.mark.parametrize(("before", "after"), [(3, 7), (7, 3), (5, 5), (4, 4)])
def test_a_step_is_dated_by_few_series_on_each_side(step: float, before: int, after: int) -> None:
    table = found(series([0.0] * before + [step] * after))
    assert table["series"].tolist() == [before, after]
    assert table["offset_minutes"].tolist() == pytest.approx([0, step], abs=1)
    assert table["to"].iloc[0] < table["from"].iloc[1]


def test_a_clock_that_was_wrong_for_a_while() -> None:
    table = found(series([0.0] * 8 + [-60.0] * 8 + [0.0] * 8))
    assert table["offset_minutes"].tolist() == pytest.approx([0, -60, 0], abs=1)
    assert "add 60" in table["finding"].iloc[1]
    assert "unless each transfer takes as long" in table["finding"].iloc[1]


def test_few_long_transfers_are_no_step() -> None:
    records = series([0.0] * 9)
    records[2:5] = [record(m, m, received=m + delay) for m, delay in ((0.4, 31), (0.6, 44), (0.8, 38))]
    assert len(found(records)) == 1


def test_series_that_waited_and_came_at_once_are_no_steps() -> None:
    records = [record(acquired, acquired, received=600 + acquired / 1000) for acquired in range(0, 600, 10)]
    table = found(records)
    assert len(table) == 1
    assert table["confidence"].tolist() == ["low"]
    assert "uncertain: 1 of 60 series agree" in table["finding"].iloc[0]


@pytest.mark.parametrize("day", [date(2026, 3, 29), date(2026, 10, 25)])
@pytest.mark.parametrize("follows", [True, False])
def test_daylight_saving_that_was_missed_is_a_step_of_an_hour_and_followed_none(
    day: date, *, follows: bool
) -> None:
    berlin, random = ZoneInfo("Europe/Berlin"), np.random.default_rng(GENERATOR)
    begin = datetime.combine(day, time(12), tzinfo=UTC) - timedelta(days=7)
    records = []
    for hour in range(14 * 24):
        began = begin + timedelta(hours=hour, minutes=random.uniform(0, 50))
        zone = berlin if follows else timezone(begin.astimezone(berlin).utcoffset() or timedelta())
        acquired = began.astimezone(zone).replace(tzinfo=None).isoformat(timespec="milliseconds")
        received = (began + timedelta(minutes=random.exponential(2))).astimezone(berlin)
        ends: Record = {f"{end}_acquisition": acquired for end in ("first", "last")}
        ends |= {f"{end}_received": received.isoformat(timespec="milliseconds") for end in ("first", "last")}
        records.append(record(0, 0) | ends)
    table = found(records)
    if follows:
        assert table["finding"].tolist() == ["the clock is right within 2 minutes"]
        return
    assert len(table) == 2
    hour_of_change = pd.Timestamp(day) + pd.Timedelta(hours=2.5)
    assert abs(table["from"].iloc[1] - hour_of_change) < pd.Timedelta(hours=2)
    step = -60 if day.month == 3 else 60
    assert table["offset_minutes"].tolist() == pytest.approx([0, step], abs=1)
    assert "time zone or daylight saving" in table["finding"].iloc[1]


def test_a_single_absurd_time_does_not_count() -> None:
    records = series([0.0] * 10 + [3e6] + [0.0] * 10)
    table = found(records)
    assert table["offset_minutes"].tolist() == pytest.approx([0], abs=1)


def test_a_scanner_that_sends_when_a_series_is_complete_is_not_slow() -> None:
    records = [record(m, m + 10, received=m + 10.1) for m in range(0, 200, 20)]
    assert found(records)["offset_minutes"].tolist() == pytest.approx([0], abs=0.5)


def test_a_scanner_that_sends_while_it_acquires_is_not_fast() -> None:
    records = [
        record(
            m,
            m + 10,
            received=m + 0.1,
            last_received=f"2026-03-04T{m // 60:02}:{m % 60 + 11:02}:00.000+00:00",
        )
        for m in range(0, 200, 20)
    ]
    assert found(records)["offset_minutes"].tolist() == pytest.approx([0], abs=0.5)


def test_derived_series_and_those_without_reception_say_nothing() -> None:
    records = [record(0, 0), record(0, 0, received=-50, image_types=["DERIVED\\SECONDARY"])]
    assert found(records).empty


def drifting(a_day: float, days: int = 40, *, delay: float = 3.0) -> list[Record]:
    random = np.random.default_rng(GENERATOR)
    return [
        record(m, m, received=m + random.exponential(delay), fast=a_day * m / DAY)
        for day in range(days)
        for m in np.sort(random.uniform(day * DAY + 480, day * DAY + 1080, 20))
    ]


def test_a_drift_is_no_step() -> None:
    table = found(drifting(0.5))
    assert len(table) == 1
    assert table["drift_minutes_per_day"].tolist() == pytest.approx([0.5], abs=0.02)
    assert table["offset_minutes"].tolist() == pytest.approx([0.5 * 39.5], abs=1)
    assert "gains 0.50 minutes a day" in table["finding"].iloc[0]
    assert "loses" in found(drifting(-0.5))["finding"].iloc[0]


@pytest.mark.parametrize(("a_day", "days"), [(0.2, 200), (2.0, 60), (10.0, 40), (-5.0, 40)])
def test_also_a_strong_or_a_long_drift_is_no_step(a_day: float, days: int) -> None:
    table = found(drifting(a_day, days))
    assert len(table) == 1, table[["from", "to", "offset_minutes", "drift_minutes_per_day"]]
    assert table["drift_minutes_per_day"].tolist() == pytest.approx([a_day], rel=0.05)
    assert table["offset_minutes"].tolist() == pytest.approx([a_day * (days - 0.5)], abs=abs(a_day) + 1)


def test_steps_are_no_drift() -> None:
    def fast(m: float) -> float:
        return 7.0 * (m // (10 * DAY))

    random = np.random.default_rng(GENERATOR)
    times = [m for day in range(30) for m in np.sort(random.uniform(day * DAY + 480, day * DAY + 1080, 20))]
    table = found([record(m, m, received=m + random.exponential(1.0), fast=fast(m)) for m in times])
    assert table["offset_minutes"].tolist() == pytest.approx([0, 7, 14], abs=1)
    assert table["drift_minutes_per_day"].isna().all()


def test_slow_transfers_are_neither_drift_nor_step() -> None:
    table = found(drifting(0.0, delay=30.0))
    assert len(table) == 1
    assert table["drift_minutes_per_day"].isna().all()
    assert table["offset_minutes"].tolist() == pytest.approx([0], abs=2)


def test_what_the_quickest_transfer_takes_is_added() -> None:
    slow = [record(m, m, received=m + 5) for m in range(10)]
    assert found(slow)["offset_minutes"].tolist() == pytest.approx([-5])
    assert found(slow, quickest=5.0)["offset_minutes"].tolist() == pytest.approx([0])


def test_where_most_clocks_are_wrong_alike_it_may_be_the_receivers() -> None:
    records = [one for serial in "abc" for one in series([60.0] * 8, serial=serial)]
    assert all("look at the receiver's clock" in text for text in found(records)["finding"])
    records += [one for serial in "defg" for one in series([0.0] * 8, serial=serial)]
    assert not any("look at the receiver's clock" in text for text in found(records)["finding"])


def test_a_receiver_in_another_zone_is_told_by_the_zone_of_the_scanners() -> None:
    records = series([60.0] * 8)  # in March Berlin's clocks are an hour ahead of the receiver's, in UTC
    table = clocks(lags(series_table(records, zone=ZoneInfo("Europe/Berlin"))))
    assert table["offset_minutes"].tolist() == pytest.approx([0], abs=1)


def test_a_day_of_many_series_is_thinned_to_its_quickest() -> None:
    records = [record(m, m, received=m + (0.1 if m % 5 == 0 else 30)) for m in range(1000)]
    table = thinned(lags(series_table(records)))
    assert len(table) == 32
    assert table["series"].sum() == 1000
    assert table["lag_minutes"].tolist() == pytest.approx([0.1] * 32)
    assert clocks(table)["series"].tolist() == [1000]


@settings(max_examples=20)
@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(-200, 200)), max_size=30),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_does_not_matter_and_thinning_is_done_once(
    values: list[tuple[int, int]], random: object
) -> None:
    records = [record(start, start, received=start + lag) for start, lag in values]
    before = thinned(lags(series_table(records)))
    pd.testing.assert_frame_equal(thinned(before), before)
    random.shuffle(records)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    pd.testing.assert_frame_equal(clocks(thinned(lags(series_table(records)))), clocks(before))


@settings(max_examples=20)
@given(st.lists(st.integers(0, 100_000), min_size=1, max_size=40), st.integers(-300, 300))
def test_the_interval_holds_the_estimate_and_moves_with_the_clock(delays: list[int], fast: int) -> None:
    def table(offset: int) -> pd.DataFrame:
        return found([record(m, m, received=m + delay, fast=offset) for m, delay in enumerate(delays)])

    still, moved = table(0).sort_values("from"), table(fast).sort_values("from")
    assert (still["low_minutes"] <= still["offset_minutes"]).all()
    assert (still["offset_minutes"] <= still["high_minutes"]).all()
    assert still["series"].sum() == len(delays)
    shift = moved["offset_minutes"].to_numpy() - still["offset_minutes"].to_numpy()
    assert shift == pytest.approx(np.full(len(still), fast))
