"""Whose an OutputFolder is: one private folder's, by one secret. A second one would destroy its tables."""

import fcntl
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from niffler_ops.deidentify import fingerprint, load_secret
from niffler_ops.errors import AlreadyRunningError, CannotWriteError, ConfigurationError
from niffler_ops.files import PRIVATE_FILE, make_private_folder, write_durable
from niffler_ops.postprocess.job import Processor, Settings
from niffler_ops.postprocess.places import MADE, Places

CLAIM = "output.json"
RECORDS = "outputs"
_LONGEST = 4096


class TakenError(ConfigurationError):
    """OutputFolder belongs to other originals."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """What stands in OutputFolder, and beside the secret: who made it, by which secret, and the how manieth.

    `owner` is a keyed digest of the private folder; `edition` is new where OutputFolder is made anew.
    """

    owner: str
    fingerprint: str
    edition: str


def check_claim(settings: Settings) -> None:
    """Raise TakenError where OutputFolder is another's; changes nothing.

    ConfigurationError where the secret that it was made with is gone, or another.
    """
    claim, record, secret = _read(_claim(settings)), _read(_record(settings)), Path(settings.secret)
    if not os.path.lexists(secret):
        if record is not None:
            load_secret(secret, create=False)  # which says what is to be done
        if claim is not None:
            raise _taken(settings)
        return
    key = load_secret(secret, create=False)
    if record is not None and record.fingerprint != fingerprint(key):
        raise ConfigurationError(
            f"{secret}: this is not the pseudonym key that {settings.output} was made with, so that everyone"
            " would get a second pseudonym. Restore that key, or start anew with another OutputFolder and"
            " another store for records."
        )
    if claim is not None and claim.owner != _owner(settings, key):
        raise _taken(settings)


@contextmanager
def claimed(settings: Settings) -> Iterator[Settings]:
    """OutputFolder as ours alone while this lasts; gives the settings that belong to it as it is now.

    The secret is made at first use. Raises what `check_claim` does, AlreadyRunningError and CannotWriteError.
    """
    check_claim(settings)
    key = load_secret(Path(settings.secret))
    try:
        make_private_folder(Path(settings.output))
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(_claim(settings), flags, PRIVATE_FILE)
    except OSError as error:
        raise CannotWriteError(
            f"{settings.output}: cannot be written ({error.strerror}); name another OutputFolder"
        ) from None
    try:
        _lock(descriptor, settings)
        check_claim(settings)  # somebody else may have been faster
        yield _taken_up(settings, key, descriptor)
    finally:
        os.close(descriptor)


def recorded(settings: Settings) -> Settings:
    """The settings as they were last claimed with; as they are where they never were."""
    record = _read(_record(settings))
    if record is None:
        return settings
    return replace(settings, fingerprint=record.fingerprint, edition=record.edition)


def _taken_up(settings: Settings, key: bytes, descriptor: int) -> Settings:
    """Our claim, with a new edition where what we made is not there any more."""
    ours, claim = recorded(settings), _read(_claim(settings))
    edition = claim.edition if claim is not None and not _is_gone(ours) else secrets.token_hex(8)
    renewed = Claim(owner=_owner(settings, key), fingerprint=fingerprint(key), edition=edition)
    text = json.dumps(asdict(renewed)).encode()
    if claim != renewed:
        # In place, for it is this file that is locked.
        os.pwrite(descriptor, text, 0)
        os.ftruncate(descriptor, len(text))
        os.fsync(descriptor)
    if _read(_record(settings)) != renewed:
        make_private_folder(_record(settings).parent)
        write_durable(_record(settings), [text])
    return recorded(settings)


def _is_gone(settings: Settings) -> bool:
    """Whether a folder in which we left files has been removed."""
    places = Places.of(settings)
    made = {Processor.PNG: places.images, Processor.DEIDENTIFY: places.dicom}
    return any(
        not folder.exists() and next(places.fragments(MADE, processor).glob("*"), None) is not None
        for processor, folder in made.items()
    )


def _lock(descriptor: int, settings: Settings) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyRunningError(
            f"Another run writes to {settings.output}. Wait for it to end, and run the same command again."
        ) from None


def _taken(settings: Settings) -> TakenError:
    return TakenError(
        f"{settings.output}: it was made of other originals than those of {settings.root}, and its tables"
        " would be lost. Name another OutputFolder for these, or empty it where it is not needed any more."
    )


def _read(path: Path) -> Claim | None:
    """A claim; None where there is none, or it was not written to its end, so that nothing was made by it."""
    try:
        with path.open("rb") as stream:
            return Claim(**json.loads(stream.read(_LONGEST)))
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return None
    except OSError as error:
        raise CannotWriteError(
            f"{path}: cannot be read ({error.strerror}); name another OutputFolder"
        ) from None


def _claim(settings: Settings) -> Path:
    return Path(settings.output) / CLAIM


def _record(settings: Settings) -> Path:
    """What we remember of an OutputFolder, wherever it has gone."""
    name = hashlib.sha256(os.fsencode(os.path.realpath(settings.output))).hexdigest()[:16]
    return Path(settings.private) / RECORDS / f"{name}.json"


def _owner(settings: Settings, key: bytes) -> str:
    """The private folder; keyed, because the name of a folder may tell of a person."""
    place = os.fsencode(os.path.realpath(settings.private))
    return hmac.digest(key, b"owner\0" + place, "sha256").hex()[:32]
