"""When something last arrived, and when nothing could: read by whoever waits for arrivals."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from niffler_ops.dicomtools.storescp import staging_name


@dataclass(kw_only=True, slots=True)
class Growing:
    """A file that is being received: since when, its size in bytes, and when it grew last."""

    since: float
    size: int
    grew_at: float


class Progress:
    """Monotonic times in seconds; for each study in staging, or that nobody asked for, a little is kept."""

    def __init__(self, now: float) -> None:
        self._arrivals: dict[str, float] = {}
        self._unread: Counter[str] = Counter()
        self._senders: dict[str, str] = {}
        self.sender_of_others = ""  # the archive that sends what was not asked for by its UID
        self.received: Counter[str] = Counter()  # instances in this run, by the archive that was asked last
        self.growth = now  # when any file that is being received grew last
        self._growing: dict[str, Growing] = {}
        self.arrival = now  # when any file came last
        self.looked_at = now  # what lay in staging by then is noticed
        self.gone_at: float | None = (
            None  # from when on storescp did not answer the last time that it did not
        )
        self._back_at: float | None = None

    def expect(self, study_instance_uid: str, archive: str) -> None:
        """The archive of this name is asked for the study."""
        self._senders[staging_name(study_instance_uid)] = archive

    def arrived(self, folder: str, files: int, now: float) -> None:
        """So many files came into a staging folder and are to be read."""
        self._arrivals[folder] = self.arrival = now
        self.received[self._senders.get(folder, self.sender_of_others)] += files
        self._unread[folder] += files

    def receiving(self, sizes: Mapping[str, int], now: float) -> None:
        """These files are being received, by name."""
        before, self._growing = self._growing, {}
        for name, size in sizes.items():
            file = before.get(name) or Growing(since=now, size=0, grew_at=now)
            if size > file.size:
                file.size, file.grew_at = size, now
                self.growth = now
            self._growing[name] = file

    def growth_begun_by(self, moment: float) -> float:
        """When one of the files that are being received since then or earlier grew last, or 0.

        Nobody knows whose such a file is: what silence may be explained by has begun with it.
        """
        return max((file.grew_at for file in self._growing.values() if file.since <= moment), default=0.0)

    def read(self, folder: str, files: int = 1) -> None:
        """So many of them are recorded, or gone."""
        self._unread[folder] -= files
        if self._unread[folder] <= 0:
            del self._unread[folder]

    def last_arrival(self, study_instance_uid: str) -> float | None:
        """When a file of the study arrived last in this run."""
        return self._arrivals.get(staging_name(study_instance_uid))

    def unread(self, study_instance_uid: str) -> bool:
        """Whether files of the study have arrived that are not yet recorded."""
        return staging_name(study_instance_uid) in self._unread

    def all_read(self) -> bool:
        """Whether all that was noticed is recorded."""
        return not self._unread

    def receiver_gone(self, since: float) -> None:
        """Our storescp ended or is silent."""
        self.gone_at, self._back_at = since, None

    def receiver_back(self, now: float) -> None:
        """It answers."""
        self._back_at = now

    def nothing_could_arrive(self, begun: float, ended: float) -> bool:
        """Whether storescp was gone at any time between these two, so that a retrieve says nothing."""
        if self.gone_at is None or ended < self.gone_at:
            return False
        return self._back_at is None or begun <= self._back_at

    def forget(self, study_instance_uid: str) -> None:
        """The study's files have left staging, or it has ended without any."""
        name = staging_name(study_instance_uid)
        self._arrivals.pop(name, None)
        self._senders.pop(name, None)
