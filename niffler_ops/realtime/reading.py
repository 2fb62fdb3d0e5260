"""What the readers tell of received files. Runs in worker processes."""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import NamedTuple

from niffler_ops.clock import SystemClock, timestamp
from niffler_ops.deidentify.identity import IDENTITY_TAGS
from niffler_ops.deidentify.repeating import Repeating
from niffler_ops.headers import read_header
from niffler_ops.metadata import read_facts, wanted_tags
from niffler_ops.metadata.values import Facts
from niffler_ops.model import Flaw
from niffler_ops.patterns import FilePattern
from niffler_ops.postprocess.context import context_of
from niffler_ops.postprocess.job import Settings
from niffler_ops.postprocess.reading import quietly, why

NOT_SENT = "unknown"
_SOURCE = "SourceApplicationEntityTitle"


class Arrival(NamedTuple):
    """A received file: without `facts` it cannot be read, for a `reason`.

    `inode` and `modified_ns` tell whether the file at `path` is still the one that was read. `target` is
    where it is to wait, below StorageFolder. Study and series are pseudonyms.
    """

    path: str
    size: int
    inode: int
    modified_ns: int
    received: str
    source: str
    target: str = ""
    study: str = ""
    series: str = ""
    facts: Facts | None = None
    links: tuple[tuple[str, str, str], ...] = ()
    reason: str = ""


def read_arrivals(paths: Sequence[str], settings: Settings, pattern: str) -> list[Arrival]:
    """What these files are; one that has gone meanwhile is left out."""
    reader, arrivals = _reader(settings, pattern), []
    with quietly():
        for path in paths:
            try:
                arrivals.append(reader.read(path))
            except FileNotFoundError:
                continue
    return arrivals


class _Reader:
    """Reads files for the same settings one after another."""

    def __init__(self, settings: Settings, pattern: str) -> None:
        context = context_of(settings)
        self._columns = context.columns
        tags = wanted_tags(self._columns)
        self._tags = None if tags is None else frozenset({*tags, *IDENTITY_TAGS})
        self._filing = FilePattern.parse(pattern)
        self._keywords = (*self._filing.keywords, _SOURCE)
        self._repeating = Repeating(context.deidentifier)
        self._clock = SystemClock()

    def read(self, path: str) -> Arrival:
        """What the file is; raises FileNotFoundError only."""
        known, header = read_header(path, self._tags, self._keywords)
        arrived = partial(
            Arrival,
            path=path,
            size=known.size,
            inode=known.inode,
            modified_ns=known.modified_ns,
            received=timestamp(self._clock.at(known.modified_ns / 1e9)),
            source=known.attributes[_SOURCE] or NOT_SENT,
        )
        if known.flaw not in {None, Flaw.TRUNCATED}:  # a header may be whole where the pixels are not
            return arrived(reason=str(known.flaw))
        try:
            clean = self._repeating.dataset(header)
            facts = read_facts(clean.dataset, self._columns)
        except Exception as error:  # noqa: BLE001 - whatever its bytes cause, the file is kept and named
            return arrived(reason=why(error))
        links = [link for link in clean.links if link.attribute != "SOPInstanceUID"]
        return arrived(
            target=self._filing.path_text(known.attributes),
            study=str(facts["StudyInstanceUID"]),
            series=str(facts["SeriesInstanceUID"]),
            facts=facts,
            links=tuple((link.attribute, link.original, link.pseudonym) for link in links),
        )


_reader = lru_cache(maxsize=1)(_Reader)
