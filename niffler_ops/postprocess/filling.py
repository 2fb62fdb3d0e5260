"""Whether the metadata store still has what it was given from a private folder; else all is stored again.

A run marks the store when it begins and when it ends, and remembers the mark: a store whose mark is older was
lost, or is an older copy.
"""

import json
import secrets
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from niffler_ops.errors import CannotWriteError, StoppedError
from niffler_ops.files import write_durable
from niffler_ops.metadata import Store, StoreUnavailableError, open_store, store_url
from niffler_ops.postprocess.job import Settings

FILE = "store.json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Filling:
    """Whose records they are, the mark that the store was given last, and the how manieth store it is.

    `edition` is new where the store was found to lack something.
    """

    writer: str
    number: int = 0
    edition: str = ""


def filled_before(settings: Settings) -> Settings:
    """The settings, with the edition of the store as it is known."""
    return replace(settings, filling=_read(settings).edition)


@contextmanager
def filling(settings: Settings) -> Iterator[Settings]:
    """While the store is filled; gives the settings that belong to it as it is now.

    Raises StoppedError where it was lost meanwhile, and CannotWriteError where its file cannot be made or
    written. A store that is away is looked at another time.
    """
    _look(settings)
    yield filled_before(settings)
    if _look(settings):
        raise StoppedError(
            "The metadata store was removed or replaced while it was filled: run the same command again,"
            " which stores everything again"
        )


def _look(settings: Settings) -> bool:
    """Whether the store lacks something; marks it in any case."""
    before = _read(settings).edition
    try:
        with closing(open_store(store_url(settings.store))) as store:
            _mark(store, settings)
    except StoreUnavailableError as error:
        if isinstance(error.__cause__, OSError):  # a file that cannot be made or written, now or later
            raise CannotWriteError(f"{error}. Mend that, or name another MetadataStore.") from None
    return _read(settings).edition != before


def _mark(store: Store, settings: Settings) -> None:
    known = _read(settings)
    mark = store.mark(known.writer)
    if mark < known.number:  # which has to be known before the store has its new mark
        known = replace(known, edition=secrets.token_hex(8))
        _write(settings, known)
    number = max(mark, known.number) + 1
    store.set_mark(known.writer, number, instead_of=mark)
    _write(settings, replace(known, number=number))


def _read(settings: Settings) -> Filling:
    """What is remembered; a writer of its own where that is nothing."""
    with suppress(FileNotFoundError, NotADirectoryError, ValueError, TypeError):
        return Filling(**json.loads(_file(settings).read_bytes()))
    return Filling(writer=secrets.token_hex(8))


def _write(settings: Settings, known: Filling) -> None:
    write_durable(_file(settings), [json.dumps(asdict(known)).encode()])


def _file(settings: Settings) -> Path:
    return Path(settings.private) / FILE
