"""An OutputFolder belongs to one private folder and one secret, and is noticed where it has gone."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.clock import SystemClock
from niffler_ops.errors import AlreadyRunningError, ConfigurationError, UsageError
from niffler_ops.postprocess.claim import CLAIM, TakenError, check_claim, claimed, recorded
from niffler_ops.postprocess.configured import digests
from niffler_ops.postprocess.context import Context
from niffler_ops.postprocess.folder import FolderRun, Summary
from niffler_ops.postprocess.job import Processor, Settings
from niffler_ops.postprocess.places import Places
from tests.unit.postprocess.workplace import Workplace

PNG, METADATA, DEIDENTIFY = Processor.PNG, Processor.METADATA, Processor.DEIDENTIFY


class Silent:
    """Shows nothing."""

    def found(self, files: int) -> None:
        """Nothing."""

    def began(self, studies: int) -> None:
        """Nothing."""

    def ended(self) -> None:
        """Nothing."""

    def waits(self, reason: str) -> None:
        """Nothing."""


def run(place: Workplace, processor: Processor = PNG, **settings: Any) -> Summary:
    told = place.settings(everything=True, **settings)
    return FolderRun(processor, told, SystemClock(), Silent(), workers=1).run()


def claim(settings: Settings) -> Settings:
    with claimed(settings) as ours:
        return ours


def neighbour(place: Workplace, tmp_path: Path, **settings: Any) -> Settings:
    """Other originals that name the same OutputFolder."""
    private = tmp_path / "other private"
    usual = {"private": str(private), "secret": str(private / "pseudonym.key")}
    return place.settings(**usual | settings)


def test_a_claim_is_taken_up_again_as_it_was(place: Workplace) -> None:
    first = claim(place.settings())
    assert first.fingerprint
    assert first.edition
    assert claim(place.settings()) == first == recorded(place.settings())
    assert digests([PNG], first) == digests([PNG], claim(place.settings()))


def test_neither_the_claim_nor_its_record_names_a_folder_or_the_secret(place: Workplace) -> None:
    claim(place.settings())
    text = (place.output / CLAIM).read_text()
    assert set(json.loads(text)) == {"owner", "fingerprint", "edition"}
    assert str(place.private) not in text
    assert (place.private / "pseudonym.key").read_bytes().hex() not in text
    assert (place.output / CLAIM).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("shared", [False, True], ids=["a secret each", "one secret"])
def test_a_second_private_folder_is_refused_and_changes_nothing(
    place: Workplace, tmp_path: Path, *, shared: bool
) -> None:
    claim(place.settings())
    before = (place.output / CLAIM).read_bytes()
    key = {"secret": place.settings().secret} if shared else {}
    for settings in [neighbour(place, tmp_path, **key)] * 2:
        with pytest.raises(TakenError, match="Name another OutputFolder"):
            check_claim(settings)
        with pytest.raises(TakenError):
            claim(settings)
    assert (place.output / CLAIM).read_bytes() == before
    assert not (tmp_path / "other private" / "pseudonym.key").exists()


def test_one_run_at_a_time_writes_to_it(place: Workplace) -> None:
    with claimed(place.settings()), pytest.raises(AlreadyRunningError, match="Wait for it to end"):
        claim(place.settings())
    claim(place.settings())


def test_another_name_of_the_same_folders_is_no_second_one(place: Workplace, tmp_path: Path) -> None:
    first = claim(place.settings())
    (tmp_path / "p").symlink_to(place.private)
    (tmp_path / "o").symlink_to(place.output)
    named = place.settings(private=str(tmp_path / "p"), output=str(tmp_path / "o"))
    assert claim(named).edition == first.edition


def test_a_secret_that_is_gone_is_not_made_anew(place: Workplace) -> None:
    claim(place.settings())
    Path(place.settings().secret).unlink()
    with pytest.raises(ConfigurationError, match="restore it, or start anew with another OutputFolder"):
        claim(place.settings())
    assert not Path(place.settings().secret).exists()
    assert claim(place.settings(output=f"{place.output}-2")).fingerprint


@pytest.mark.parametrize("gone", [False, True], ids=["output there", "output moved away"])
def test_a_secret_that_was_replaced_is_refused(place: Workplace, *, gone: bool) -> None:
    claim(place.settings())
    before = Path(place.settings().secret).read_bytes()
    Path(place.settings().secret).write_bytes(b"x" * 32)
    if gone:
        shutil.rmtree(place.output)
    with pytest.raises(ConfigurationError, match="Restore that key, or start anew with another OutputFolder"):
        claim(place.settings())
    Path(place.settings().secret).write_bytes(before)
    claim(place.settings())


def test_a_secret_that_is_replaced_while_workers_start_ends_them(place: Workplace) -> None:
    ours = claim(place.settings())
    Path(ours.secret).write_bytes(b"x" * 32)
    with pytest.raises(ConfigurationError, match="replaced"):
        Context(ours)
    Path(ours.secret).unlink()
    with pytest.raises(ConfigurationError, match="restore it"):
        Context(ours)


def test_a_moved_secret_is_the_same_secret(place: Workplace, tmp_path: Path) -> None:
    first = claim(place.settings())
    shutil.copy2(first.secret, tmp_path / "key")
    moved = claim(place.settings(secret=str(tmp_path / "key")))
    assert digests([PNG], moved) == digests([PNG], first)
    assert Places.of(moved).policy == Places.of(first).policy


def test_a_claim_that_was_cut_short_by_a_crash_is_no_claim(place: Workplace, tmp_path: Path) -> None:
    place.output.mkdir()
    (place.output / CLAIM).write_text('{"owner": "ab')
    assert claim(place.settings()).edition
    with pytest.raises(TakenError):
        claim(neighbour(place, tmp_path))


def test_two_originals_never_destroy_each_others_tables(place: Workplace, tmp_path: Path) -> None:
    place.instance(1)
    run(place)
    before = {path: path.read_bytes() for path in place.output.rglob("*") if path.is_file()}
    other = Workplace(tmp_path / "other", place.output, tmp_path / "other private")
    other.root.mkdir()
    other.instance(2)
    with pytest.raises(UsageError, match="made of other originals"):
        run(other)
    assert {path: path.read_bytes() for path in place.output.rglob("*") if path.is_file()} == before


def test_what_was_deleted_is_made_anew(place: Workplace) -> None:
    place.instance(1)
    for processor in (PNG, DEIDENTIFY):
        run(place, processor)
    before = sorted(place.made(""))
    assert run(place) == Summary(skipped=1)
    shutil.rmtree(place.output)
    for processor in (PNG, DEIDENTIFY):
        assert run(place, processor) == Summary(done=1)
    assert sorted(place.made("")) == before
    shutil.rmtree(place.output / "images")
    assert run(place) == Summary(done=1)
    assert sorted(place.made("")) == before
