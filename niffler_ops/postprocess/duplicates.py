"""Files of one job that say they are the same instance."""

import filecmp

from niffler_ops.postprocess.fragments import Fragments
from niffler_ops.postprocess.reading import why

DUPLICATE = "duplicate-instance"
REASON = "another file has this SOP Instance UID and other content; the first by its path was taken"


class Instances:
    """Which file each instance was taken from: the first by its path that is good."""

    def __init__(self, fragments: Fragments) -> None:
        self._fragments = fragments
        self._taken: dict[str, str] = {}

    def take(self, uid: str, path: str) -> bool:
        """Whether the file is the first with this pseudonymous UID.

        A copy of the first is passed over; what only has its UID is held.
        """
        first = self._taken.setdefault(uid, path)
        if first == path:
            return True
        try:
            is_copy = filecmp.cmp(first, path, shallow=False)
        except OSError as error:
            self._fragments.hold_bad(path, why(error), sop_instance_uid=uid)
            return False
        if not is_copy:
            self._fragments.hold(path, rule=DUPLICATE, reason=REASON, sop_instance_uid=uid)
        return False

    def is_taken(self, uid: str) -> bool:
        """Whether an earlier file has this UID."""
        return uid in self._taken

    def give_back(self, uid: str) -> None:
        """The file came to nothing: the next with this UID may be better."""
        self._taken.pop(uid, None)
