"""Verified studies go to their final path, and are done once that is durable.

The plan is in the ledger before (the study is `verified`, each instance has its path), so that a
crash at any instant is completed by running the same plan again.
"""

import logging
import threading
from collections.abc import Sequence
from itertools import accumulate
from pathlib import PurePosixPath

from niffler_ops.dicomtools.storescp import short_name
from niffler_ops.errors import ExhaustedError
from niffler_ops.files import sync_file_system
from niffler_ops.ledger.studies import Study
from niffler_ops.stages.place import Place
from niffler_ops.stages.placing import Filed, Filing, Plan
from niffler_ops.stages.progress import Progress

STUDIES_IN_ONE_SYNC, INSTANCES_IN_ONE_SYNC = 500, 5_000

log = logging.getLogger(__name__)


def own_folder(paths: Sequence[PurePosixPath], depth: int | None) -> PurePosixPath | None:
    """The folder that holds all these paths and nothing else's, `depth` levels below the root."""
    if depth is None or not paths:
        return None
    folders = {path.parts[:depth] for path in paths}
    return PurePosixPath(*folders.pop()) if len(folders) == 1 else None


class FilingStage:
    """Files group after group in a thread, because a sync may take long; the ledger stays out of it."""

    def __init__(self, place: Place, progress: Progress) -> None:
        self._place = place
        self._progress = progress
        self._failure: Exception | None = None
        self.busy = False
        self.behind = False
        """Whether more is verified than one group takes: what is retrieved now would only wait."""

    def advance(self) -> None:
        """Start the next group when the last one is durable. Raises OSError where files cannot be written."""
        if self._failure is not None:
            raise self._failure
        if self.busy:
            return
        due = self._place.ledger.studies.verified(STUDIES_IN_ONE_SYNC)
        before = accumulate((study.received for study in due), initial=0)
        both = zip(due, before, strict=False)
        group = [study for study, instances in both if instances < INSTANCES_IN_ONE_SYNC]
        self.behind = len(group) < len(due) or len(due) == STUDIES_IN_ONE_SYNC
        if group:
            plans = [self._plan(study) for study in group]
            try:
                threading.Thread(target=self._work, args=(plans,), name="filing", daemon=True).start()
            except RuntimeError:
                raise ExhaustedError("Files cannot be brought to their place (no thread is left)") from None
            self.busy = True

    def _plan(self, study: Study) -> Plan:
        instances = tuple(
            instance
            for instance in self._place.ledger.instances.of_study(study.id)
            if instance.state == "received" and instance.path is not None
        )
        paths = [instance.path for instance in instances if instance.path is not None]
        return Plan(
            study=study,
            instances=instances,
            folder=own_folder(paths, self._place.config.file_path.study_depth),
        )

    def _work(self, plans: list[Plan]) -> None:
        try:
            mode = self._place.config.file_mode
            pattern = self._place.config.file_path
            filed = [Filing(self._place.layout, plan, mode, pattern).run() for plan in plans]
            sync_file_system(self._place.layout.storage_folder)
        except Exception as error:  # noqa: BLE001 - raised where the run ends by it, or it would wait for ever
            failure = error
            self._place.tools.launcher.post(lambda: self._failed(failure))
        else:
            self._place.tools.launcher.post(lambda: self._record(filed))

    def _failed(self, error: Exception) -> None:
        self.busy = False
        self._failure = error

    def _record(self, group: list[Filed]) -> None:
        self.busy = False
        with self._place.ledger.transaction():
            for filed in group:
                self._record_one(filed)
        for filed in group:
            self._progress.forget(filed.plan.study.study_instance_uid)

    def _record_one(self, filed: Filed) -> None:
        ledger, study = self._place.ledger, filed.plan.study
        for file in filed.changed:
            ledger.instances.read_again(study.id, file)
        states = (("filed", filed.placed), ("awaited", filed.lost), ("missing", filed.conflicts))
        for state, uids in states:
            for uid in uids:
                ledger.instances.set_state(study.id, uid, state)
        if filed.aside:
            ledger.count_unexpected(filed.aside)
        if filed.lost:
            log.warning(
                "%d files were gone or damaged before they were durable (study %s)",
                len(filed.lost),
                short_name(study.study_instance_uid),
            )
            ledger.studies.unfile(study.id, grace=self._place.config.quiet_time, reason="files were lost")
        else:
            ledger.studies.filed(study.id, conflicts=len(filed.conflicts))
