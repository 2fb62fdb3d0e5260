"""What niffler.log tells of rows that did not become done, as it happens."""

import logging
import re

from niffler_ops.dicomtools.storescp import SHORT, short_name
from niffler_ops.ledger.store import Ledger

__all__ = ["SHORT", "Narration", "short_name", "without_uids"]

STUDIES_NAMED = 3
DOTTED = re.compile(r"\d+(?:\.\d+){2,}")
SURE = 5  # components; an IPv4 address or a version has fewer
LARGEST_OF_ADDRESS = 255
LINES_AT_ONCE = 500  # a turn of the supervisor is not to wait for a million of them

log = logging.getLogger(__name__)


def without_uids(text: str) -> str:
    """A reason as the log may hold it: the instances that it names, by hash as well."""
    return DOTTED.sub(lambda found: short_name(found[0]) if _is_uid(found[0]) else found[0], text)


def _is_uid(dotted: str) -> bool:
    """What has few components is one where it is neither an address nor a version, as 2.25.N of a UUID."""
    root, *others = dotted.split(".")
    if len(others) >= SURE - 1:
        return True
    return root in {"0", "1", "2"} and any(len(arc) > 3 or int(arc) > LARGEST_OF_ADDRESS for arc in others)  # noqa: PLR2004


class Narration:
    """Logs each row that ends with a problem, once: its line, outcome and reason, and its studies by hash."""

    def __init__(self, ledger: Ledger) -> None:
        self._event = ledger.last_event()

    def show(self, ledger: Ledger) -> None:
        """Tell what has ended badly since the last time."""
        for end in ledger.bad_ends(after=self._event, limit=LINES_AT_ONCE):
            log.warning(
                "Line %d: %s: %s%s", end.line, end.state, without_uids(end.reason), _studies(end.studies)
            )
            self._event = end.event


def _studies(uids: tuple[str, ...]) -> str:
    if not uids:
        return ""
    names = " ".join(short_name(uid) for uid in uids[:STUDIES_NAMED])
    more = f" and {len(uids) - STUDIES_NAMED} more" if len(uids) > STUDIES_NAMED else ""
    return f" (study {names}{more})" if len(uids) == 1 else f" (studies {names}{more})"
