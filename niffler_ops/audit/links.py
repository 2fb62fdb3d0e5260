"""linking.csv, read for one thing: which output instance or series was made of which original."""

import csv
from array import array
from pathlib import Path

import numpy as np

_KEYWORDS = frozenset({"SOPInstanceUID", "SeriesInstanceUID"})


class Links:
    """Original UIDs and their pseudonyms, as hashes, sixteen bytes for a pair."""

    def __init__(self, path: Path | None) -> None:
        """Read `path`; None, or a file that is not there, gives no links."""
        originals, pseudonyms = array("q"), array("q")
        if path is not None and path.is_file():
            with path.open(encoding="utf-8", newline="") as stream:
                for row in csv.DictReader(stream):
                    if row.get("attribute") in _KEYWORDS:
                        originals.append(hash(row["original"]))
                        pseudonyms.append(hash(row["pseudonym"]))
        found = np.frombuffer(originals, np.int64) if originals else np.empty(0, np.int64)
        order = np.argsort(found)
        self._originals = found[order]
        self._pseudonyms = np.frombuffer(pseudonyms, np.int64)[order] if pseudonyms else found

    def pseudonym(self, uid: str) -> int | None:
        """The hash of what stands for an original UID; None where nobody has said."""
        sought = hash(uid)
        at = int(np.searchsorted(self._originals, sought))
        if at < len(self._originals) and self._originals[at] == sought:
            return int(self._pseudonyms[at])
        return None
