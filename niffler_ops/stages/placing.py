"""Carries out what is planned for one study's files, or completes it after a crash.

Outside the main thread, and without the ledger.
"""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from niffler_ops.dicomtools.storescp import staging_name
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
)
from niffler_ops.headers import read_instance
from niffler_ops.layout import Layout
from niffler_ops.ledger.instances import Instance
from niffler_ops.ledger.studies import Study
from niffler_ops.model import InstanceFile
from niffler_ops.patterns import FilePattern


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
    instance has. `aside` is the number of files that went to unexpected/.
    """

    plan: Plan
    changed: tuple[InstanceFile, ...]
    placed: tuple[str, ...]
    lost: tuple[str, ...]
    conflicts: tuple[str, ...]
    aside: int


class Source(NamedTuple):
    """Where a file that is to be filed was found."""

    path: Path
    status: os.stat_result


class Filing:
    """One plan."""

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
        self._aside = 0

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
            aside=self._aside,
        )

    def _file_as_folder(self, folder: PurePosixPath) -> None:
        made: set[Path] = set()
        for instance in self._plan.instances:
            arranged = self._arranged(instance)
            source = self._source(instance, arranged)
            if source is None or not self._as_read(source, instance):
                self._lost.append(instance.sop_instance_uid)
                continue
            if source.path != arranged:
                if arranged.parent not in made:
                    self._make_folder(arranged.parent)
                    made.add(arranged.parent)
                move(source.path, arranged)
            self._open_up(arranged)
        if not self._lost:
            target = self._layout.storage_folder / folder
            self._make_folder(target.parent)
            rename(self._arranging, target)
            self._placed += [instance.sop_instance_uid for instance in self._plan.instances]

    def _file(self, instance: Instance) -> None:
        uid, target, arranged = instance.sop_instance_uid, self._target(instance), self._arranged(instance)
        source = self._source(instance, arranged)
        if source is None:
            if _holds(target, instance):
                self._placed.append(uid)
            else:
                self._lost.append(uid)
                self._set_aside(target)  # cut off by a power failure
        elif not self._as_read(source, instance):
            self._lost.append(uid)
        else:
            path = source.path
            self._make_folder(target.parent)
            if self._layout.ledger_folder is not None and path != arranged:
                make_private_folder(arranged.parent)
                move(path, arranged)  # to the tree's file system
                path = arranged
            self._open_up(path)
            if rename_new(path, target):
                self._placed.append(uid)
            elif _holds(target, instance):
                path.unlink()
                self._placed.append(uid)
            else:
                self._conflicts.append(uid)
                self._set_aside(path)

    def _as_read(self, source: Source, instance: Instance) -> bool:
        """Whether a file is the one that was read; one replaced since is read again."""
        path, status = source
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

    def _source(self, instance: Instance, arranged: Path) -> Source | None:
        for path in (self._staged(instance), arranged):
            with suppress(FileNotFoundError, NotADirectoryError):
                status = path.lstat()
                if not stat.S_ISDIR(status.st_mode):
                    return Source(path, status)
        return None

    def _staged(self, instance: Instance) -> Path:
        return self._layout.staged(self._name, staging_name(instance.sop_instance_uid))

    def _target(self, instance: Instance) -> Path:
        return self._layout.storage_folder / _path(instance)

    def _arranged(self, instance: Instance) -> Path:
        if self._plan.folder is None:
            return self._arranging / staging_name(instance.sop_instance_uid)
        return self._arranging.joinpath(*_path(instance).parts[len(self._plan.folder.parts) :])

    def _return_to_staging(self) -> None:
        for instance in self._plan.instances:
            arranged = self._arranged(instance)
            if arranged.is_file():
                staged = self._staged(instance)
                make_private_folder(staged.parent)
                move(arranged, staged)

    def _set_aside(self, path: Path) -> None:
        if path.is_file():
            move(path, self._layout.unexpected / f"filing-{path.lstat().st_ino}-{path.name[-200:]}")
            self._aside += 1


def _path(instance: Instance) -> PurePosixPath:
    assert instance.path is not None  # noqa: S101 - a plan holds received instances only
    return instance.path


def _holds(path: Path, instance: Instance) -> bool:
    """Whether a file has exactly the bytes of this instance."""
    return path.is_file() and read_instance(str(path)).sha256 == instance.sha256
