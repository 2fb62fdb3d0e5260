"""Whether the tree still is what was filed: every file against the ledger's size and SHA-256."""

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from niffler_ops.layout import Layout
from niffler_ops.ledger.instances import FiledInstance
from niffler_ops.ledger.store import Ledger
from niffler_ops.reporting.consult import consult
from niffler_ops.reporting.words import counted, size

PAGE = 5000
BLOCK = 1024 * 1024
OWN_TABLES = frozenset({"cfind-output.csv", "cfind-series.csv"})


@dataclass(kw_only=True, slots=True)
class Findings:
    """What does not agree, as paths below StorageFolder; `checked` files have `size` bytes together."""

    checked: int = 0
    size: int = 0
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    @property
    def agree(self) -> bool:
        """Whether the tree is exactly what was filed."""
        return not (self.missing or self.changed or self.foreign)


def verify_tree(layout: Layout, *, progress: Callable[[Findings], None]) -> Findings:
    """Read every filed file, and look for files that nobody filed; memory stays flat.

    Safe beside a running extraction: what is filed meanwhile is not judged. `progress` is called now
    and then. Raises MissingInputError where there is no ledger.
    """
    started = time.time()
    findings = Findings()
    with closing(_Known()) as known:
        for page in _pages(layout.ledger):
            known.add(instance.path for instance in page)
            for instance in page:
                _check(layout.storage_folder, instance, findings)
            progress(findings)
        for path, changed_at in _files(layout):
            if path not in known and changed_at < started:
                findings.foreign.append(path)
    return findings


def findings_text(findings: Findings) -> str:
    """The findings for people: what was checked, then each path with what is the matter."""
    lines = [f"{counted(findings.checked, 'file')} read again, {size(findings.size)}."]
    for what in ("missing", "changed", "foreign"):
        paths: list[str] = getattr(findings, what)
        lines += [f"{what:<8} {path}" for path in paths]
    lines.append("All is as it was filed." if findings.agree else f"Differences: {_numbers(findings)}.")
    if findings.missing or findings.changed:
        lines.append("Their studies are not asked for again; a CSV of them with another StorageFolder is.")
    return "\n".join(lines) + "\n"


def _numbers(findings: Findings) -> str:
    numbers = {"missing": findings.missing, "changed": findings.changed, "foreign": findings.foreign}
    return ", ".join(f"{len(paths)} {what}" for what, paths in numbers.items() if paths)


def _pages(ledger_file: Path) -> Iterator[list[FiledInstance]]:
    """Filed instances in short reads, so that a writer's log never has to wait for us."""
    after: tuple[int, str] = (0, "")

    def look(ledger: Ledger) -> list[FiledInstance]:
        return ledger.instances.filed_after(*after, limit=PAGE)

    while page := consult(ledger_file, look):
        yield page
        after = (page[-1].study_id, page[-1].sop_instance_uid)


def _check(storage_folder: Path, instance: FiledInstance, findings: Findings) -> None:
    try:
        with (storage_folder / instance.path).open("rb") as stream:
            length = os.fstat(stream.fileno()).st_size
            findings.checked += 1
            findings.size += length
            if length != instance.size or _sha256(stream.fileno()) != instance.sha256:
                findings.changed.append(instance.path)
    except (FileNotFoundError, NotADirectoryError):
        findings.missing.append(instance.path)
    except OSError:
        findings.changed.append(instance.path)  # it cannot be read as it was


def _sha256(descriptor: int) -> bytes:
    digest = hashlib.sha256()
    while block := os.read(descriptor, BLOCK):
        digest.update(block)
    return digest.digest()


def _files(layout: Layout) -> Iterator[tuple[str, float]]:
    """Every file of the tree that is not ours, with the time of its latest change of place or content."""
    for folder, folders, names in os.walk(layout.storage_folder):
        here = Path(folder)
        if here == layout.storage_folder:
            folders[:] = [name for name in folders if name != layout.private.name]
            names = [name for name in names if name not in OWN_TABLES]  # noqa: PLW2901 - only at the top
        for name in names:
            path = here / name
            try:
                changed_at = path.lstat().st_ctime
            except FileNotFoundError:
                continue
            yield str(path.relative_to(layout.storage_folder)), changed_at


class _Known:
    """The paths that were filed, as 64-bit digests in a temporary database: 10⁷ paths take 120 MB of disk."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")
        self._database.execute("CREATE TABLE known (path INTEGER PRIMARY KEY)")

    def add(self, paths: Iterator[str]) -> None:
        """Remember paths."""
        self._database.executemany(
            "INSERT OR IGNORE INTO known VALUES (?)", ((_digest(path),) for path in paths)
        )

    def __contains__(self, path: str) -> bool:
        found = self._database.execute("SELECT 1 FROM known WHERE path = ?", (_digest(path),))
        return found.fetchone() is not None

    def close(self) -> None:
        """Forget them."""
        self._database.close()


def _digest(path: str) -> int:
    content = path.encode("utf-8", "surrogateescape")
    return int.from_bytes(hashlib.blake2b(content, digest_size=8).digest(), signed=True)
