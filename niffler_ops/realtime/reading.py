"""What the readers tell of received files. Runs in worker processes."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

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


@dataclass(frozen=True, kw_only=True, slots=True)
class Arrival:
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
    arrivals = []
    with quietly():
        for path in paths:
            try:
                arrivals.append(_read(path, settings, pattern))
            except FileNotFoundError:
                continue
    return arrivals


@lru_cache(maxsize=1)
def _repeating(settings: Settings) -> Repeating:
    return Repeating(context_of(settings).deidentifier)


@lru_cache(maxsize=1)
def _pattern(text: str) -> FilePattern:
    return FilePattern.parse(text)


@lru_cache(maxsize=1)
def _tags(settings: Settings) -> frozenset[int] | None:
    tags = wanted_tags(context_of(settings).columns)
    return None if tags is None else frozenset({*tags, *IDENTITY_TAGS})


_clock = lru_cache(maxsize=1)(SystemClock)


def _read(path: str, settings: Settings, pattern: str) -> Arrival:
    context, filing = context_of(settings), _pattern(pattern)
    known, header = read_header(path, _tags(settings), (*filing.keywords, _SOURCE))
    arrived = partial(
        Arrival,
        path=path,
        size=known.size,
        inode=known.inode,
        modified_ns=known.modified_ns,
        received=timestamp(_clock().at(known.modified_ns / 1e9)),
        source=known.attributes[_SOURCE] or NOT_SENT,
    )
    if known.flaw not in {None, Flaw.TRUNCATED}:  # a header may be whole where the pixels are not
        return arrived(reason=str(known.flaw))
    try:
        clean = _repeating(settings).dataset(header)
        facts = read_facts(clean.dataset, context.columns)
    except Exception as error:  # noqa: BLE001 - whatever its bytes cause, the file is kept and named
        return arrived(reason=why(error))
    links = [link for link in clean.links if link.attribute != "SOPInstanceUID"]
    return arrived(
        target=str(filing.path(known.attributes)),
        study=str(facts["StudyInstanceUID"]),
        series=str(facts["SeriesInstanceUID"]),
        facts=facts,
        links=tuple((link.attribute, link.original, link.pseudonym) for link in links),
    )
