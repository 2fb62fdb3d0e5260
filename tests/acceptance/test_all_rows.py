"""A long CSV to the end; and again, killed many times, with the same outcome."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from niffler_ops.demo.corpus import Corpus
from tests.support.processes import wait_until
from tests.support.rig import (
    Rig,
    Running,
    data_sets,
    data_sets_of,
    kill_when,
    tree,
)

# By archive: the rows of the CSV, and how often the extraction is killed.
EXTENT = {"niffler-archive": (200, 10), "orthanc": (50, 4)}
LANES = 2
MARGIN_SECONDS = 0.3


def instants(rig: Rig, storage: Path, total: int, number: int, seed: int) -> list[Callable[[Running], bool]]:
    """Instants drawn by chance: some counted from the start, some when so many instances are there."""
    chance = random.Random(seed)
    early = [chance.uniform(0.2, 3.0) for _ in range(number // 2)]
    counts = sorted(chance.randrange(total) for _ in range(number - len(early)))
    late = [(count, chance.uniform(0, MARGIN_SECONDS)) for count in counts]

    def after(seconds: float) -> Callable[[Running], bool]:
        def kill(running: Running) -> bool:
            until = time.monotonic() + seconds
            return kill_when(running, lambda: time.monotonic() >= until)

        return kill

    def at(count: int, margin: float) -> Callable[[Running], bool]:
        def kill(running: Running) -> bool:
            wait_until(
                lambda: running.ended or rig.received(storage) >= count, f"{count} instances", seconds=60
            )
            return after(margin)(running)

        return kill

    pairs = zip((after(seconds) for seconds in early), (at(*moment) for moment in late), strict=True)
    return [kill for pair in pairs for kill in pair]


@pytest.mark.timeout(600)
def test_rows_of_a_run_that_is_killed_again_and_again_end_as_undisturbed_ones_do(
    rig: Rig, archive_kind: str, many: Corpus
) -> None:
    archive = rig.serve_kind(archive_kind, many)
    rows, killings = EXTENT[archive_kind]
    studies = many.studies[:rows]
    rig.ask_for(studies)
    undisturbed, killed = rig.folder / "undisturbed", rig.folder / "killed"

    rig.configure(StorageFolder=undisturbed.name)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert rig.states() == ["done"] * rows
    if archive_kind != "orthanc":  # which encodes data sets anew
        assert data_sets(undisturbed) == data_sets_of(studies)
    before = archive.delivered()

    rig.configure(StorageFolder=killed.name)
    total = sum(len(study.instances) for study in studies)
    kills = [kill(rig.start()) for kill in instants(rig, killed, total, killings, seed=4)]
    ended = rig.cold()
    assert ended.status == 0, ended
    assert sum(kills) >= killings - 1, "most instants came after the end"
    assert tree(killed) == tree(undisturbed)
    assert rig.report(killed) == rig.report(undisturbed)
    assert rig.ledger("SELECT state, count(*) FROM studies GROUP BY 1") == [("done", rows)]
    deliveries = archive.delivered() - before  # Orthanc keeps no log of them
    again = sum(times - 1 for times in deliveries.values())
    assert again <= killings * LANES, f"{again} instances were delivered again"
    for name in ("incoming", "arranging", "requests", "unexpected"):
        assert list((killed / ".niffler" / name).iterdir()) == []
    rig.wait_for_no_process()
