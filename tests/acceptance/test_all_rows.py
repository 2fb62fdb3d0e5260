"""A CSV of 200 rows to the end; and again, killed ten times, with the same outcome."""

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

KILLS = 10
LANES = 2
MARGIN_SECONDS = 0.3


def instants(rig: Rig, storage: Path, total: int, seed: int) -> list[Callable[[Running], bool]]:
    """Ten instants drawn by chance: some counted from the start, some when so many instances are there."""
    chance = random.Random(seed)
    early = [chance.uniform(0.2, 3.0) for _ in range(KILLS // 2)]
    counts = sorted(chance.randrange(total) for _ in range(KILLS - len(early)))
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

    kinds = [*(after(seconds) for seconds in early), *(at(count, margin) for count, margin in late)]
    return [kinds[index] for pair in zip(range(5), range(5, 10), strict=True) for index in pair]


@pytest.mark.timeout(600)
def test_two_hundred_rows_killed_ten_times_end_as_undisturbed_ones_do(
    rig: Rig, archive_kind: str, many: Corpus
) -> None:
    archive = rig.serve_kind(archive_kind, many)
    rig.ask_for(many.studies)
    undisturbed, killed = rig.folder / "undisturbed", rig.folder / "killed"

    rig.configure(StorageFolder=undisturbed.name)
    ended = rig.cold()
    assert ended.status == 0, ended
    assert rig.states() == ["done"] * len(many.studies)
    if archive_kind != "orthanc":  # which encodes data sets anew
        assert data_sets(undisturbed) == data_sets_of(many.studies)
    before = archive.delivered()

    rig.configure(StorageFolder=killed.name)
    total = sum(len(study.instances) for study in many.studies)
    kills = [kill(rig.start()) for kill in instants(rig, killed, total, seed=4)]
    ended = rig.cold()
    assert ended.status == 0, ended
    assert sum(kills) >= KILLS - 1, "most instants came after the end"
    assert tree(killed) == tree(undisturbed)
    assert rig.report(killed) == rig.report(undisturbed)
    assert rig.ledger("SELECT state, count(*) FROM studies GROUP BY 1") == [("done", len(many.studies))]
    deliveries = archive.delivered() - before  # Orthanc keeps no log of them
    again = sum(times - 1 for times in deliveries.values())
    assert again <= KILLS * LANES, f"{again} instances were delivered again"
    for name in ("incoming", "arranging", "requests", "unexpected"):
        assert list((killed / ".niffler" / name).iterdir()) == []
    rig.wait_for_no_process()
