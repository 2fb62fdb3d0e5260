"""A job whose earlier files may be gone adds to what was made of them."""

import contextlib
from collections.abc import Iterable
from pathlib import Path

import pytest

from niffler_ops.metadata import write_fragment
from niffler_ops.postprocess import fragments
from niffler_ops.postprocess.job import Outcome, Processor, Verdict
from niffler_ops.postprocess.merging import Row
from niffler_ops.postprocess.running import run
from tests.unit.postprocess.workplace import Workplace

BOTH = (Processor.PNG, Processor.DEIDENTIFY)
LATER_SERIES = "1.2.3.99"


def add(place: Workplace, processor: Processor, *files: str) -> Outcome:
    """The files come, are worked on, and go."""
    outcome = run(place.job(processor, *files, adds=True))
    for file in files:
        Path(file).unlink()
    place.run(Processor.TABLES, name="tables")
    return outcome


def made(place: Workplace, processor: Processor) -> list[str]:
    return place.made(".png" if processor is Processor.PNG else ".dcm")


def pixels(place: Workplace, name: str) -> bytes:
    return (place.output / name).read_bytes()


@pytest.mark.parametrize("processor", BOTH)
@pytest.mark.parametrize("series", [None, LATER_SERIES])
def test_what_comes_late_is_added(place: Workplace, processor: Processor, series: str | None) -> None:
    elements = {"SeriesInstanceUID": series} if series else {}
    add(place, processor, *(place.instance(number) for number in range(5)))
    links = place.table("linking")
    add(place, processor, *(place.instance(number, **elements) for number in (5, 6)))
    assert len(made(place, processor)) == 7
    assert all(link in place.table("linking") for link in links)
    if processor is Processor.PNG:
        assert sorted(row["png"] for row in place.table("mapping")) == place.made(".png")
        assert len({row["SOPInstanceUID"] for row in place.table("metadata")}) == 7


@pytest.mark.parametrize("processor", BOTH)
def test_what_comes_again_replaces_its_own_alone(place: Workplace, processor: Processor) -> None:
    add(place, processor, *(place.instance(number) for number in range(3)))
    before = {name: pixels(place, name) for name in made(place, processor)}
    add(place, processor, place.instance(1, PixelData=bytes(reversed(range(48)))))
    after = {name: pixels(place, name) for name in made(place, processor)}
    assert before.keys() == after.keys()
    assert sum(before[name] != after[name] for name in before) == 1
    if processor is Processor.PNG:
        assert len(place.table("mapping")) == len(place.table("metadata")) == 3


def test_what_comes_again_with_fewer_frames_or_in_another_series_leaves_nothing_old(place: Workplace) -> None:
    two = {"NumberOfFrames": 2, "PixelData": bytes(range(96))}
    add(place, Processor.PNG, place.instance(0), place.instance(1, **two))
    add(place, Processor.PNG, place.instance(1, SeriesInstanceUID=LATER_SERIES))
    assert len(place.made(".png")) == 2
    assert sorted(row["png"] for row in place.table("mapping")) == place.made(".png")


@pytest.mark.parametrize("processor", BOTH)
def test_what_comes_again_and_is_bad_leaves_what_was_made_before(
    place: Workplace, processor: Processor
) -> None:
    good = Path(place.instance(1)).read_bytes()
    add(place, processor, place.instance(0), place.instance(1))
    before = made(place, processor)
    for _ in range(2):
        add(place, processor, place.put("1.dcm", good[:-20]))
        assert made(place, processor) == before
        assert len(place.table("failures")) == 1
    add(place, processor, place.put("1.dcm", good))
    assert made(place, processor) == before
    assert place.table("failures") == []


def test_what_comes_again_and_is_cut_off_after_a_frame_leaves_the_other_frames(place: Workplace) -> None:
    two = Path(place.instance(1, NumberOfFrames=2, PixelData=bytes(range(96)))).read_bytes()
    add(place, Processor.PNG, place.put("1.dcm", two))
    add(place, Processor.PNG, place.put("1.dcm", two[:-20]))
    assert len(place.made(".png")) == 2
    assert sorted(row["png"] for row in place.table("mapping")) == place.made(".png")
    assert len(place.table("failures")) == len(place.table("metadata")) == 1


@pytest.mark.parametrize("processor", BOTH)
def test_what_comes_again_and_may_not_be_passed_on_takes_back_what_was_made_before(
    place: Workplace, processor: Processor
) -> None:
    add(place, processor, place.instance(0), place.instance(1))
    add(place, processor, place.instance(1, BurnedInAnnotation="YES"))
    assert len(made(place, processor)) == len(place.table("failures")) == 1
    add(place, processor, place.put("again/1.dcm", Path(place.instance(1)).read_bytes()))
    assert len(made(place, processor)) == 2
    assert place.table("failures") == []


@pytest.mark.parametrize("processor", BOTH)
@pytest.mark.parametrize("written", range(5))
def test_killed_while_it_writes_and_done_again_it_gives_the_same(
    place: Workplace, processor: Processor, written: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    left = written

    def write(path: Path, rows: Iterable[Row]) -> None:
        nonlocal left
        if not left:
            raise Killed
        left -= 1
        write_fragment(path, rows)

    add(place, processor, *(place.instance(number) for number in range(3)))
    late = [place.instance(number, SeriesInstanceUID=LATER_SERIES) for number in (2, 3)]
    with monkeypatch.context() as patched:
        patched.setattr(fragments, "write_fragment", write)
        with contextlib.suppress(Killed):
            run(place.job(processor, *late, adds=True))
    outcome = add(place, processor, *late)
    assert (outcome.verdict, outcome.held) == (Verdict.DONE, 0)
    assert len(made(place, processor)) == 4
    links = [tuple(link.values()) for link in place.table("linking")]
    assert len(links) == len(set(links))
    if processor is Processor.PNG:
        assert sorted(row["png"] for row in place.table("mapping")) == place.made(".png")
        assert len(place.table("metadata")) == 4
