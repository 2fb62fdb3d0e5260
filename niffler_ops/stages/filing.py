"""Verified studies go to their final path, and are done once that is durable.

The plan is in the ledger before (the study is `verified`, each instance has its path), so that a
crash at any instant is completed by running the same plan again.
"""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path, PurePosixPath

from niffler_ops.dicomtools.storescp import short_name, staging_name
from niffler_ops.files import (
    PRIVATE_FILE,
    folder_mode,
    make_folder,
    make_private_folder,
    move,
    remove_empty_folder,
    remove_folder,
    rename,
    rename_new,
    sync_file_system,
)
from niffler_ops.headers import read_instance
from niffler_ops.layout import Layout
from niffler_ops.ledger.instances import Instance
from niffler_ops.ledger.studies import Study
from niffler_ops.model import InstanceFile
from niffler_ops.patterns import FilePattern
from niffler_ops.stages.place import Place
from niffler_ops.stages.progress import Progress

STUDIES_IN_ONE_SYNC, INSTANCES_IN_ONE_SYNC = 500, 5_000

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """A study and its instances that are to be filed; `folder` is the study's own, if it has one."""

    study: Study
    instances: tuple[Instance, ...]
    folder: PurePosixPath | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Filed:
    """What came of a plan.

    `changed`: files that had been replaced by others after they were read; `placed`: SOP Instance UIDs whose
    file is at its path; `lost`: those whose file is gone or damaged; `conflicts`: those whose path another
    instance has.
    """

    plan: Plan
    changed: tuple[InstanceFile, ...]
    placed: tuple[str, ...]
    lost: tuple[str, ...]
    conflicts: tuple[str, ...]


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
            self.busy = True
            plans = [self._plan(study) for study in group]
            threading.Thread(target=self._work, args=(plans,), name="filing", daemon=True).start()

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
        if filed.lost:
            log.warning(
                "%d files were gone or damaged before they were durable (study %s)",
                len(filed.lost),
                short_name(study.study_instance_uid),
            )
            ledger.studies.unfile(study.id, grace=self._place.config.quiet_time, reason="files were lost")
        else:
            ledger.studies.filed(study.id, conflicts=len(filed.conflicts))


class Filing:
    """Carries one plan out, or completes it after a crash. Runs outside the main thread; no ledger here."""

    def __init__(
        self, layout: Layout, plan: Plan, file_mode: int = PRIVATE_FILE, pattern: FilePattern | None = None
    ) -> None:
        """`pattern` tells whether a file that was replaced belongs at the same path still."""
        self._layout = layout
        self._file_mode = file_mode
        self._pattern = pattern
        self._plan = plan
        self._name = staging_name(plan.study.study_instance_uid)
        self._arranging = layout.arranging / self._name
        self._changed: list[InstanceFile] = []
        self._placed: list[str] = []
        self._lost: list[str] = []
        self._conflicts: list[str] = []

    def run(self) -> Filed:
        """Bring every file to its path; the study's folder appears by one rename where that is possible."""
        folder = self._plan.folder
        if folder is not None and not (self._layout.storage_folder / folder).exists():
            self._file_as_folder(folder)
        else:
            for instance in self._plan.instances:
                self._file(instance)
        if self._lost:
            self._return_to_staging()
        remove_folder(self._arranging)
        remove_empty_folder(self._layout.incoming / self._name)
        return Filed(
            plan=self._plan,
            changed=tuple(self._changed),
            placed=tuple(self._placed),
            lost=tuple(self._lost),
            conflicts=tuple(self._conflicts),
        )

    def _file_as_folder(self, folder: PurePosixPath) -> None:
        made: set[Path] = set()
        for instance in self._plan.instances:
            source, arranged = self._source(instance), self._arranged(instance)
            if source is None or not self._as_read(source, instance):
                self._lost.append(instance.sop_instance_uid)
            elif source != arranged:
                if arranged.parent not in made:
                    self._make_folder(arranged.parent)
                    made.add(arranged.parent)
                self._open_up(source)
                move(source, arranged)
        if not self._lost:
            target = self._layout.storage_folder / folder
            self._make_folder(target.parent)
            rename(self._arranging, target)
            self._placed += [instance.sop_instance_uid for instance in self._plan.instances]

    def _file(self, instance: Instance) -> None:
        uid, target, source = instance.sop_instance_uid, self._target(instance), self._source(instance)
        if source is None:
            if _holds(target, instance):
                self._placed.append(uid)
            else:
                self._lost.append(uid)
                self._set_aside(target)  # cut off by a power failure
        elif not self._as_read(source, instance):
            self._lost.append(uid)
        else:
            self._make_folder(target.parent)
            if self._layout.ledger_folder is not None:
                source = self._brought_over(source, instance)
            self._open_up(source)
            if rename_new(source, target):
                self._placed.append(uid)
            elif _holds(target, instance):
                source.unlink()
                self._placed.append(uid)
            else:
                self._conflicts.append(uid)
                self._set_aside(source)

    def _brought_over(self, source: Path, instance: Instance) -> Path:
        """A file of staging, on the tree's file system."""
        arranged = self._arranged(instance)
        if source != arranged:
            make_private_folder(arranged.parent)
            move(source, arranged)
        return arranged

    def _as_read(self, path: Path, instance: Instance) -> bool:
        """Whether a file is the one that was read; one replaced since is read again."""
        status = path.lstat()
        if (status.st_ino, status.st_mtime_ns, status.st_size) == (
            instance.inode,
            instance.modified_ns,
            instance.size,
        ):
            return True
        file = read_instance(str(path), () if self._pattern is None else tuple(self._pattern.keywords))
        if file.flaw is not None or not self._belongs(file, instance):
            self._set_aside(path)
            return False
        self._changed.append(file)
        return True

    def _belongs(self, file: InstanceFile, instance: Instance) -> bool:
        """Whether a file is of this instance, as everybody else knows it: of its series, and at its path."""
        uids = (self._plan.study.study_instance_uid, instance.series_instance_uid, instance.sop_instance_uid)
        if (file.study_instance_uid, file.series_instance_uid, file.sop_instance_uid) != uids:
            return False
        return self._pattern is None or self._pattern.path(file.attributes) == instance.path

    def _make_folder(self, folder: Path) -> None:
        make_folder(folder, folder_mode(self._file_mode))

    def _open_up(self, file: Path) -> None:
        """Storescp writes 0600."""
        if self._file_mode != PRIVATE_FILE:
            file.chmod(self._file_mode)

    def _source(self, instance: Instance) -> Path | None:
        staged = self._layout.staged(self._name, staging_name(instance.sop_instance_uid))
        return next((path for path in (staged, self._arranged(instance)) if path.is_file()), None)

    def _target(self, instance: Instance) -> Path:
        assert instance.path is not None  # noqa: S101 - a plan holds received instances only
        return self._layout.storage_folder / instance.path

    def _arranged(self, instance: Instance) -> Path:
        if self._plan.folder is None:
            return self._arranging / staging_name(instance.sop_instance_uid)
        return self._arranging / self._target(instance).relative_to(
            self._layout.storage_folder / self._plan.folder
        )

    def _return_to_staging(self) -> None:
        for instance in self._plan.instances:
            arranged = self._arranged(instance)
            if arranged.is_file():
                staged = self._layout.staged(self._name, staging_name(instance.sop_instance_uid))
                make_private_folder(staged.parent)
                move(arranged, staged)

    def _set_aside(self, path: Path) -> None:
        if path.is_file():
            move(path, self._layout.unexpected / f"filing-{path.lstat().st_ino}-{path.name[-200:]}")


def _holds(path: Path, instance: Instance) -> bool:
    """Whether a file has exactly the bytes of this instance."""
    return path.is_file() and read_instance(str(path)).sha256 == instance.sha256
