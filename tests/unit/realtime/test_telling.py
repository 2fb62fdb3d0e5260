"""People are told of what a receiver needs them for: once while it lasts, at most once an hour."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from niffler_ops.config.notices import ChannelKeys
from niffler_ops.errors import UnavailableError
from niffler_ops.files import make_private_folder
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.record import Record, Standing
from niffler_ops.realtime.showing.worries import Worry
from niffler_ops.realtime.telling import Telling
from tests.support.clock import FakeClock
from tests.support.posting import Post

WELL = {"store_reason": "", "pressure": ""}
AWAY = WELL | {"store_reason": "no answer"}
FULL = WELL | {"pressure": "less than 5% are free"}


class Scene:
    """A receiver's record, and what was told of it."""

    def __init__(self, folder: Path) -> None:
        self.clock = FakeClock()
        self.place = Place(folder / "received")
        make_private_folder(self.place.private)
        self.post = Post()
        self.record = Record(self.place.record, self.clock)
        with self.record.transaction():
            self.record.make(self.place.storage_folder, "NIFFLER:104")
        self.telling = self.start()

    def start(self) -> Telling:
        return Telling(ChannelKeys(), self.place, self.clock, {"post": self.post})

    def look(self, standing: dict[str, str], *further: Worry, minutes: int = 1) -> None:
        self.clock.pass_time(60 * minutes)
        with self.record.transaction():
            self.record.touch(
                Standing(
                    rate=0.0,
                    unread=0,
                    unstored=0,
                    lag=0.0,
                    deletes_at=None,
                    store_reason=standing["store_reason"],
                    pressure=standing["pressure"],
                )
            )
        self.telling.look(further)

    def told(self) -> list[str]:
        """The causes so far, after a restart."""
        self.telling.close()
        self.telling = self.start()
        return [str(notice.details["cause"]) for notice in self.post.taken]


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    made = Scene(tmp_path)
    with closing(made.record):
        yield made
        made.telling.close()


def test_nothing_is_told_where_all_is_well(scene: Scene) -> None:
    scene.look(WELL)
    assert scene.told() == []


def test_a_store_that_stays_away_is_told_once(scene: Scene) -> None:
    for _ in range(100):
        scene.look(AWAY)
    assert scene.told() == ["store"]
    (notice,) = scene.post.taken
    assert notice.subject == "Niffler: received: the store is away"
    assert "The store cannot be used: no answer." in notice.body
    assert "nothing is lost meanwhile" in notice.body
    assert json.loads(json.dumps(notice.details))["storage_folder"] == str(scene.place.storage_folder)


def test_one_that_comes_and_goes_is_told_once_an_hour_over_restarts_too(scene: Scene) -> None:
    for _ in range(5):
        scene.look(AWAY)
        scene.look(WELL)
    assert scene.told() == ["store"]
    scene.look(AWAY)
    assert scene.told() == ["store"]
    scene.look(WELL)
    scene.look(AWAY, minutes=60)
    assert scene.told() == ["store", "store"]


def test_what_the_hour_held_back_is_told_if_it_lasts(scene: Scene) -> None:
    scene.look(AWAY)
    scene.look(WELL)
    for _ in range(70):
        scene.look(AWAY)
    assert scene.told() == ["store", "store"]


def test_causes_are_told_apart_and_so_are_ports(scene: Scene) -> None:
    scene.look(
        FULL,
        Worry("storescp at A:1 keeps ending.", "listening", "1"),
        Worry("storescp at A:2 keeps ending.", "listening", "2"),
    )
    assert sorted(scene.told()) == ["disk", "listening", "listening"]


def test_a_sender_that_falls_silent_is_told_by_its_title(scene: Scene) -> None:
    with scene.record.transaction():
        now = scene.clock.now().isoformat()
        scene.record.heard("CT1", instances=60, size=1, first=now, last=now)
    scene.look(WELL)
    scene.look(WELL, minutes=90)
    assert scene.told() == ["silence"]
    assert "Nothing has come from CT1" in scene.post.taken[0].body


def test_the_end_of_the_service_is_told_and_a_defect_without_its_words(scene: Scene) -> None:
    scene.telling.failed(UnavailableError("port 104 is taken"))
    scene.telling.failed(ValueError("Doe^Jane"))
    assert scene.told() == ["failure", "failure"]
    taken, defect = scene.post.taken
    assert ("port 104 is taken" in taken.body, taken.details["exit_status"]) == (True, 69)
    assert "ValueError" in defect.body
    assert "Jane" not in defect.body + str(defect.details)


def test_nobody_is_told_where_nobody_wants_to_be(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    with closing(scene.record):
        scene.telling.close()
        scene.telling = Telling(ChannelKeys(), scene.place, scene.clock)
        scene.look(AWAY)
        scene.telling.failed(UnavailableError("gone"))
        scene.telling.close()
    assert not list(scene.place.private.glob("notices/*"))
