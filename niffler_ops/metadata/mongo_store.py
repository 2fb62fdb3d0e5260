"""Records in MongoDB, or what speaks its protocol; a collection for each featureset."""

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import pymongo
from pymongo import MongoClient, ReadPreference, ReplaceOne
from pymongo import errors as mongo

from niffler_ops.errors import ConfigurationError, NifflerError
from niffler_ops.metadata.folding import Record
from niffler_ops.metadata.stores import (
    MARKS,
    Days,
    StoreReplacedError,
    StoreUnavailableError,
    day_bounds,
    shown,
)

if TYPE_CHECKING:
    from pymongo.collection import Collection as Documents
    from pymongo.database import Database
    from pymongo.read_preferences import _ServerMode

_OPERATIONS = 50  # in one request: FerretDB 1.24 stands still for ever at about 100
_READ_AT_ONCE = 500
_INDEXED = (
    *("PatientID", "StudyInstanceUID", "first_acquisition", "last_acquisition"),
    *("first_received", "last_received"),
)
# Milliseconds; the URL's own options take precedence. Without `journal` a lone server acknowledges what
# a power failure may still undo.
_OPTIONS: dict[str, Any] = {
    "serverSelectionTimeoutMS": 10_000,
    "connectTimeoutMS": 10_000,
    "timeoutMS": 60_000,
    "journal": True,
    "appName": "niffler-ops",
}

log = logging.getLogger(__name__)


class StoreRefusedError(NifflerError):
    """The server was reached and will not take the records, however often they are given to it."""

    exit_status = 73


class MongoStore:
    """A database of a MongoDB server; see Store. Not to be carried over a fork."""

    def __init__(self, url: str) -> None:
        self._shown = shown(url)
        options = {name: value for name, value in _OPTIONS.items() if name.lower() not in url.lower()}
        try:
            self._client: MongoClient[dict[str, Any]] = MongoClient(url, connect=False, **options)
            self._database: Database[dict[str, Any]] = self._client.get_default_database()
        except (mongo.PyMongoError, ValueError):  # whose texts may hold a part of the password
            raise ConfigurationError(
                f"{self._shown}: this is no URL of a MongoDB database; write"
                " mongodb://USER:PASSWORD@HOST:PORT/DATABASE, with %40 for an @ in user or password, %3A for"
                " a colon and %2F for a slash"
            ) from None
        if not self._client.write_concern.acknowledged:
            raise ConfigurationError(f"{self._shown}: w=0 would lose records unnoticed; leave it out")
        self._indexed: set[str] = set()

    def __repr__(self) -> str:
        return f"MongoStore({self._shown!r})"

    def upsert(self, collection: str, records: Sequence[Record]) -> None:
        """See Store; raises StoreRefusedError where trying again does not help."""
        with self._reached():
            self._find_server(ReadPreference.PRIMARY)
            self._index(collection)
            for start in range(0, len(records), _OPERATIONS):
                self._database[collection].bulk_write(
                    [
                        ReplaceOne({"_id": record["_id"]}, record, upsert=True)
                        for record in records[start : start + _OPERATIONS]
                    ],
                    ordered=False,
                )

    def records(
        self,
        collection: str,
        *,
        first: date | None = None,
        last: date | None = None,
        by: Days = "acquisition",
        fields: Collection[str] | None = None,
    ) -> Iterator[Record]:
        """See Store."""
        condition: dict[str, Any] = {}
        if first or last:
            beginning, end = day_bounds(first, last)
            within = {"$gte": beginning, "$lt": end}
            condition = {"$or": [{f"first_{by}": within}, {f"last_{by}": within}]}
        projection = None if fields is None else {"_id": 1, **dict.fromkeys(fields, 1)}
        with self._reached():
            self._find_server(self._client.read_preference)
            with self._database[collection].find(condition, projection, batch_size=_READ_AT_ONCE) as cursor:
                yield from cursor

    def mark(self, writer: str) -> int:
        """See Store; a secondary might not know it yet."""
        with self._reached():
            self._find_server(ReadPreference.PRIMARY)
            found = self._marks().find_one({"_id": writer})
            return int(found["number"]) if found else 0

    def set_mark(self, writer: str, number: int, *, instead_of: int) -> None:
        """See Store."""
        before, after = ({"_id": writer, "number": one} for one in (instead_of, number))
        with self._reached():
            changed = self._marks().replace_one(before, after, upsert=not instead_of)
        if not changed.matched_count and changed.upserted_id is None:
            raise StoreReplacedError(self._shown)

    def close(self) -> None:
        """See Store."""
        self._client.close()

    def _marks(self) -> "Documents[dict[str, Any]]":
        return self._database.get_collection(MARKS, read_preference=ReadPreference.PRIMARY)

    def _find_server(self, preference: "_ServerMode") -> None:
        """Before operations, for which pymongo would look for it as long as `timeoutMS` allows."""
        with pymongo.timeout(self._client.options.server_selection_timeout):
            self._database.command("ping", read_preference=preference)

    def _index(self, collection: str) -> None:
        if collection in self._indexed:
            return
        try:
            for field in _INDEXED:
                self._database[collection].create_index(field)
        except mongo.OperationFailure as error:  # whoever may write need not be allowed to make indexes
            log.warning("%s: collection %s has no indexes: %s", self._shown, collection, _why(error))
        self._indexed.add(collection)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """Errors of pymongo as ours, by their kind only: their texts repeat names and values."""
        try:
            yield
        except (mongo.BulkWriteError, mongo.DocumentTooLarge, mongo.InvalidName, OverflowError) as error:
            why = _why(error)
            if isinstance(error, mongo.BulkWriteError) and error.timeout:
                raise StoreUnavailableError(
                    f"The metadata store {self._shown} is not in time: {why}"
                ) from None
            raise StoreRefusedError(f"The metadata store {self._shown} refuses a record: {why}") from None
        except mongo.PyMongoError as error:
            why = _why(error)
            raise StoreUnavailableError(f"The metadata store {self._shown} cannot be used: {why}") from None


def _why(error: Exception) -> str:
    if isinstance(error, mongo.BulkWriteError):
        codes = {str(one.get("code")) for one in error.details.get("writeErrors", [])}
        return f"write error {', '.join(sorted(codes)) or 'of its write concern'}"
    if isinstance(error, mongo.OperationFailure):
        name = (error.details or {}).get("codeName", "")
        return f"the server answers {name or 'with error'} ({error.code})"
    if isinstance(error, mongo.ServerSelectionTimeoutError):
        return "no server answers"
    return type(error).__name__
