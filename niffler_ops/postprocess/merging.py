"""Which rows of an earlier run a job takes the place of, where it has not all files of its study."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import PurePath

from niffler_ops.metadata.values import Value
from niffler_ops.postprocess.places import MADE
from niffler_ops.postprocess.reading import UNREADABLE

Row = Mapping[str, Value]

LINK = ("attribute", "original", "pseudonym")


class Replaced:
    """What is told anew by the job's own rows.

    An instance is decided on where something was made of it, or it may not be passed on. Where its file is
    bad, what was made of an earlier one is the best there is, and stays.
    """

    def __init__(self, rows: Mapping[str, Sequence[Row]], files: Collection[str]) -> None:
        """`files` are the pseudonyms of the job's files, as failures.csv has them."""
        bad = {_uid(row) for row in rows["failures"] if row["rule"] == UNREADABLE}
        self._files = files
        self._described = set(map(_uid, rows["metadata"]))
        self._decided = {*map(_instance, rows[MADE]), *map(_uid, rows["failures"])} - bad - {""}
        self._made = {*(row["path"] for row in rows[MADE]), *(row["png"] for row in rows["mapping"])}
        self._links = set(map(_link, rows["linking"]))

    def has(self, table: str, row: Row) -> bool:
        """Whether this row of a table gives way."""
        if table == "metadata":
            return _uid(row) in self._described
        if table == "mapping":
            return row["png"] in self._made or _uid(row) in self._decided
        if table == "failures":
            return row["file"] in self._files or _uid(row) in self._decided
        if table == MADE:
            return row["path"] in self._made or _instance(row) in self._decided
        return _link(row) in self._links


def _uid(row: Row) -> str:
    return str(row.get("SOPInstanceUID", ""))


def _instance(made: Row) -> str:
    """The instance that a file is named by: INSTANCE-FRAME.png or INSTANCE.dcm."""
    return PurePath(str(made["path"])).stem.partition("-")[0]


def _link(row: Row) -> tuple[Value, ...]:
    return tuple(row.get(name, "") for name in LINK)
