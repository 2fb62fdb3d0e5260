"""Where series records are kept: what every store can do, and which one a URL means."""

import os
import re
import stat
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Literal, Protocol

from niffler_ops.errors import ConfigurationError, NifflerError
from niffler_ops.metadata.folding import Record

MONGO_VARIABLE = "MONGO_URI"
MONGO_DATABASE = "ScannersInfo"  # upstream's
SQLITE = "sqlite:///"
MONGO = ("mongodb://", "mongodb+srv://")
FILE = "file://"
MARKS = "niffler.marks"  # a table or collection; with a dot, as no featureset's

Days = Literal["acquisition", "received"]

_SHOWABLE = re.compile(r"[\w.,:\[\]-]+(/[\w-]*)?")


class StoreUnavailableError(NifflerError):
    """The store cannot be reached or written now; what was to be stored is to be given to it again."""

    exit_status = 75
    retriable = True


class StoreReplacedError(StoreUnavailableError):
    """It was lost, or is another, since it was last looked at."""

    def __init__(self, shown: str) -> None:
        super().__init__(f"The metadata store {shown} was removed or replaced while it was written")


class Store(Protocol):
    """A place for records, by collection and `_id`. All but ConfigurationError may be tried again."""

    def upsert(self, collection: str, records: Sequence[Record]) -> None:
        """Insert records, or replace those of the same `_id`; once it returns they are durable.

        Raises StoreUnavailableError, after which some may be stored: give all of them again.
        """
        ...

    def records(
        self,
        collection: str,
        *,
        first: date | None = None,
        last: date | None = None,
        by: Days = "acquisition",
        fields: Collection[str] | None = None,
    ) -> Iterator[Record]:
        """Records, in no particular order and in bounded memory; nothing where there is no such collection.

        With `first` and `last`, only series that began or ended on a day in between, both included.
        `fields` leaves only these, and `_id`. Raises StoreUnavailableError.
        """
        ...

    def mark(self, writer: str) -> int:
        """The number that `set_mark` was last given for a writer of records; 0 where there is none.

        One that is less than it was tells that records are lost. Raises StoreUnavailableError.
        """
        ...

    def set_mark(self, writer: str, number: int, *, instead_of: int) -> None:
        """Set it, durably; no reader of records meets it.

        Raises StoreUnavailableError, also where the mark is not `instead_of` any more: the store that it was
        read from is gone.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def open_store(url: str) -> Store:
    """The store that a URL means; it is reached for when it is first used.

    `sqlite:///PATH` (four slashes where the path begins at the root) or `mongodb://…/DATABASE`. Raises
    ConfigurationError, whose text never repeats the URL.
    """
    if url.startswith(SQLITE) and url != SQLITE:
        from niffler_ops.metadata.sqlite_store import SqliteStore  # noqa: PLC0415 - each start pays for one

        return SqliteStore(Path(url.removeprefix(SQLITE)))
    if url.startswith(MONGO):
        from niffler_ops.metadata.mongo_store import MongoStore  # noqa: PLC0415 - 0.2 s to import

        return MongoStore(url)
    raise ConfigurationError("A store is named by sqlite:///PATH or mongodb://HOST:PORT/DATABASE")


def check_store(setting: str) -> None:
    """Raise ConfigurationError for a URL that means no store; what a file holds is told where it is read."""
    if setting and not setting.startswith(FILE):
        open_store(setting).close()


def store_url(setting: str, environment: Mapping[str, str] = os.environ) -> str:
    """The URL that a setting means; the environment's MONGO_URI, if it is there, where the setting is empty.

    `file:///PATH` names a file of mode 0600 whose only line is the URL. MONGO_URI may lack scheme and
    database, as upstream has it. Raises ConfigurationError, whose text never repeats the URL.
    """
    if setting.startswith(FILE):
        return _from_file(Path(setting.removeprefix(FILE)))
    if setting:
        return setting
    given = environment.get(MONGO_VARIABLE, "").strip()
    if not given:
        return ""
    url = given if given.startswith(MONGO) else MONGO[0] + given
    return _with_database(url)


def _with_database(url: str) -> str:
    """The URL with upstream's database where it names none.

    MongoDB looks for an account in the database of the URL, without one in `admin`: there upstream's are.
    """
    address, _, options = url.partition("?")
    scheme, _, place = address.partition("://")
    account, at, host = place.rpartition("@")
    host, _, database = host.partition("/")
    if database:
        return url
    if account and "authsource" not in options.lower():
        options = f"{options}&authSource=admin" if options else "authSource=admin"
    return f"{scheme}://{account}{at}{host}/{MONGO_DATABASE}" + (f"?{options}" if options else "")


def shown(url: str) -> str:
    """A store's URL without user, password and options, for messages."""
    scheme, separator, rest = url.partition("://")
    if scheme == "sqlite":
        return url
    place = rest.rpartition("@")[2].partition("?")[0]
    return scheme + separator + (place if _SHOWABLE.fullmatch(place) else "…")


def day_bounds(first: date | None, last: date | None) -> tuple[str, str]:
    """ISO 8601 texts: what lies on these days is at least the one and less than the other."""
    beginning = first.isoformat() if first else ""
    return beginning, (last + timedelta(days=1)).isoformat() if last and last != date.max else "~"


def projected(record: Record, fields: Collection[str] | None) -> Record:
    """Of a record these fields, and its `_id`."""
    if fields is None:
        return record
    return {name: value for name, value in record.items() if name in fields or name == "_id"}


def _from_file(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as stream:
            mode = os.fstat(stream.fileno()).st_mode
            text = stream.read().strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigurationError(f"{path}: the store's URL cannot be read: {why}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"{path}: others may read the store's URL; run: chmod 600 {path}")
    if not text or "\n" in text:
        raise ConfigurationError(f"{path}: the file has to hold one line, the store's URL")
    return text
