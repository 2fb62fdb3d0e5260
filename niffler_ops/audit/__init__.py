"""Searches what was de-identified for every identifying value of its originals.

It shares no code with what it audits, only the published table of PS3.15 E.1-1. Searched for everywhere, in
all usual spellings: names of persons and their parts of three or more letters, UIDs, ids of six or more
digits or five or more letters and digits, other texts of the table's attributes and of private ones, birth
dates, and digests of names and ids that were made without a secret. Days of studies are searched for within
texts, and, where linking.csv says which instance is whose, in their own attribute. A patient's number of four
or five digits is searched for where it is called one, as in MRN12345.

What is shorter, or consists of words of the standard (HEAD, CT, Hospital), is searched for only in the
attribute that it comes from. Times, numbers in private attributes, and what only the originals' pixels or
compressed frames say are not searched for.
"""

import logging
import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pydicom import config

from niffler_ops.audit.attributes import Options
from niffler_ops.audit.index import Index
from niffler_ops.audit.links import Links
from niffler_ops.audit.model import Audit, Channel, Finding, Unread
from niffler_ops.audit.originals import Originals
from niffler_ops.audit.outputs import Outputs
from niffler_ops.audit.pictures import pictures
from niffler_ops.audit.searching import Search
from niffler_ops.errors import MissingInputError

__all__ = ["DEFAULT_OPTIONS", "Audit", "Channel", "Finding", "Unread", "audit"]

DEFAULT_OPTIONS = ("RetainModifiedDates", "RetainPatientCharacteristics")
_MOST = 1000


def audit(
    originals: Path,
    output: Path,
    *,
    linking: Path | None = None,
    options: Collection[str] = DEFAULT_OPTIONS,
    progress: Callable[[str, int], None] | None = None,
) -> Audit:
    """Search `output` for the identifying values of all DICOM files below `originals`.

    `linking` is the private linking.csv; with it, dates and pixels are compared with those of the same
    instance. `options` are those the output was made with. `progress` is called with what is being read,
    "originals" or "output", and how many files were. Raises MissingInputError where a folder is not there.
    """
    for name, folder in (("originals", originals), ("output", output)):
        if not folder.is_dir():
            raise MissingInputError(f"There is no folder of {name} to audit at the path that was given.")
    tell = progress or _silent
    index = Index()
    with _pydicom_silent():
        source = Originals(index, Options.of(options), Links(linking))
        source.add_folder(originals, output, tell)
        search = Search(index, _MOST)
        outputs = Outputs(output, search, source.shows)
        outputs.search(tell)
        for path, pseudonym, frame in pictures(output):
            outputs.compare_picture(path, pseudonym, frame)
    return Audit(
        findings=tuple(search.findings),
        found=search.tally.total(),
        tally=search.tally,
        unread=tuple(search.unread),
        unread_count=search.unread_count,
        originals=source.read,
        originals_unread=source.unread,
        values=len(index),
        confined=source.confined,
        unlinked=source.unlinked,
        orphans=_without(source.pseudonyms, outputs.instances),
        files=outputs.files,
    )


def _without(originals: Sequence[int], outputs: Sequence[int]) -> int:
    """How many outputs are of none of the originals, as far as any is linked."""
    return int((~np.isin(np.asarray(outputs), np.asarray(originals))).sum()) if originals else 0


@contextmanager
def _pydicom_silent() -> Iterator[None]:
    """Keep pydicom from repeating values that the standard does not allow, in warnings and in the log."""
    log = logging.getLogger("pydicom")
    before, log.disabled = log.disabled, True
    try:
        with warnings.catch_warnings(), config.disable_value_validation():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.disabled = before


def _silent(_what: str, _count: int) -> None:
    """Nobody wants to know."""
