"""What niffler.log tells of rows that did not become done, as it happens."""

import logging
import re

from niffler_ops.dicomtools.storescp import staging_name
from niffler_ops.ledger.store import Ledger

SHORT = 8
STUDIES_NAMED = 3
UID = re.compile(r"\d+(?:\.\d+){4,}")  # an IPv4 address has a component less
LINES_AT_ONCE = 500  # a turn of the supervisor is not to wait for a million of them

log = logging.getLogger(__name__)


def short_name(uid: str) -> str:
    """The name of a study or instance in the log: how its name in incoming/ begins."""
    return staging_name(uid)[:SHORT]


def without_uids(text: str) -> str:
    """A reason as the log may hold it: the instances that it names, by hash as well."""
    return UID.sub(lambda uid: short_name(uid.group()), text)


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
