import errno
import multiprocessing
import os
from pathlib import Path

import pytest

from niffler_ops.deidentify import fingerprint, load_secret, secret
from niffler_ops.errors import CannotWriteError, ConfigurationError


def test_a_secret_is_made_once_and_only_for_us(tmp_path: Path) -> None:
    path = tmp_path / "private" / "pseudonym.key"
    made = load_secret(path)
    assert len(made) == 32
    assert load_secret(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in path.parent.iterdir()] == ["pseudonym.key"]


def test_two_secrets_differ(tmp_path: Path) -> None:
    assert load_secret(tmp_path / "a") != load_secret(tmp_path / "b")


def test_processes_that_start_at_once_get_the_same_secret(tmp_path: Path) -> None:
    path = tmp_path / "pseudonym.key"
    with multiprocessing.get_context("spawn").Pool(4) as pool:
        assert len(set(pool.map(load_secret, [path] * 16, chunksize=1))) == 1


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o602, 0o610])
def test_a_secret_that_others_can_use_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "pseudonym.key"
    load_secret(path)
    path.chmod(mode)
    with pytest.raises(ConfigurationError, match="can be used by others"):
        load_secret(path)


@pytest.mark.parametrize("size", [0, 31, 5000])
def test_a_secret_of_a_wrong_size_is_refused(tmp_path: Path, size: int) -> None:
    path = tmp_path / "pseudonym.key"
    path.touch(0o600)
    path.write_bytes(bytes(size))
    with pytest.raises(ConfigurationError, match=r"pseudonym\.key: .* must have 32 bytes or more"):
        load_secret(path)


def test_a_longer_secret_of_the_sites_own_is_taken_whole(tmp_path: Path) -> None:
    path = tmp_path / "pseudonym.key"
    path.touch(0o600)
    path.write_bytes(b"x" * 64)
    assert load_secret(path) == b"x" * 64


def test_links_folders_and_pipes_are_refused(tmp_path: Path) -> None:
    load_secret(tmp_path / "real")
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "folder").mkdir(0o700)
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name in ("link", "folder", "pipe"):
        with pytest.raises(ConfigurationError, match=name):
            load_secret(tmp_path / name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_a_secret_of_another_user_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pseudonym.key"
    load_secret(path)
    os.chown(path, 12345, -1)
    with pytest.raises(ConfigurationError, match="belongs to another user"):
        load_secret(path)


def test_a_secret_that_cannot_be_made_is_an_error_of_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(secret, "write_private", full)
    with pytest.raises(CannotWriteError, match="cannot be made: No space left"):
        load_secret(tmp_path / "pseudonym.key")


def test_a_secret_that_has_to_be_there_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "private" / "pseudonym.key"
    with pytest.raises(ConfigurationError, match=r"pseudonym\.key: .* is missing, .* restore it"):
        load_secret(path, create=False)
    assert not path.parent.exists()
    made = load_secret(path)
    assert load_secret(path, create=False) == made


def test_a_fingerprint_tells_secrets_apart_and_nothing_else() -> None:
    secrets = [b"x" * 32, b"x" * 31 + b"y", b"x" * 64]
    prints = [fingerprint(secret) for secret in secrets]
    assert len(set(prints)) == len(secrets)
    assert prints == [fingerprint(secret) for secret in secrets]
    assert all(len(bytes.fromhex(print_)) == 8 for print_ in prints)
