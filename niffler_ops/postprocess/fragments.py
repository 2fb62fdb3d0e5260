"""The rows that one job adds to the tables, written as a whole once the job is done."""

from collections.abc import Iterable
from pathlib import Path, PurePath

from niffler_ops.deidentify.deidentifier import Link
from niffler_ops.deidentify.pseudonyms import Pseudonyms
from niffler_ops.files import make_private_folder, refuse_links
from niffler_ops.metadata import write_fragment
from niffler_ops.metadata.table import read_rows
from niffler_ops.postprocess.job import Job
from niffler_ops.postprocess.merging import Replaced, Row
from niffler_ops.postprocess.places import MADE, TABLES, Places
from niffler_ops.postprocess.reading import UNREADABLE, why_not_read


class Fragments:
    """Collects a job's rows by table."""

    def __init__(self, job: Job, pseudonyms: Pseudonyms) -> None:
        self._job = job
        self._pseudonyms = pseudonyms
        self._rows: dict[str, list[Row]] = {table: [] for table in TABLES}
        self._links: set[tuple[str, str, str]] = set()
        self._made: list[str] = []
        self.held = 0
        self.unread = 0  # of those held: not to be read just now

    def add(self, table: str, row: Row) -> None:
        """One more row of a table."""
        self._rows[table].append(row)

    def link(self, links: Iterable[Link]) -> None:
        """The way back from pseudonyms, each once."""
        self._links.update((link.attribute, link.original, link.pseudonym) for link in links)

    def made(self, path: Path) -> None:
        """A file in OutputFolder, named by its instance, which goes where the job makes it no more."""
        self._made.append(str(path))

    def hold(self, path: str, *, rule: str, reason: str, sop_instance_uid: str = "") -> None:
        """A file came to nothing: a line of failures.csv that names it by its pseudonyms."""
        self.held += 1
        name, pseudonym = self._named(path)
        self._links.add(("file", name, pseudonym))
        self.add(
            "failures",
            {
                "processor": str(self._job.processor),
                "file": pseudonym,
                "SOPInstanceUID": sop_instance_uid,
                "rule": rule,
                "reason": reason,
            },
        )

    def hold_bad(self, path: str, reason: str, *, sop_instance_uid: str = "") -> None:
        """A file is bad, or its disk: then it is to be tried again."""
        unread = why_not_read(path)
        self.unread += bool(unread)
        self.hold(path, rule=UNREADABLE, reason=unread or reason, sop_instance_uid=sop_instance_uid)

    def write(self) -> None:
        """Replace what an earlier run of the job left; where the job adds, only what it has told anew."""
        places = Places.of(self._job.settings)
        for attribute, original, pseudonym in sorted(self._links):
            self.add("linking", {"attribute": attribute, "original": original, "pseudonym": pseudonym})
        rows: dict[str, list[Row]] = {**self._rows, MADE: [{"path": path} for path in self._made]}
        if self._job.adds:
            replaced = Replaced(rows, {self._named(path)[1] for path in self._job.files})
            rows = {
                table: [row for row in self._earlier(places, table) if not replaced.has(table, row)] + told
                for table, told in rows.items()
            }
        made_before = self._earlier(places, MADE)
        for old in {str(row["path"]) for row in made_before} - {str(row["path"]) for row in rows[MADE]}:
            refuse_links(Path(old).parent, below=places.output)
            Path(old).unlink(missing_ok=True)
        for table, written in rows.items():
            path = self._path(places, table)
            if written:
                make_private_folder(path.parent)
                write_fragment(path, written)
            else:
                path.unlink(missing_ok=True)

    def _named(self, path: str) -> tuple[str, str]:
        """A file's name, and its pseudonym."""
        name = str(PurePath(path).relative_to(self._job.settings.root))
        return name, self._pseudonyms.name("file", name)

    def _earlier(self, places: Places, table: str) -> list[Row]:
        path = self._path(places, table)
        return list(read_rows([path])) if path.exists() else []

    def _path(self, places: Places, table: str) -> Path:
        return places.fragments(table, self._job.processor) / f"{self._job.name}.jsonl"
