"""What arrives in staging: noticed, read once in worker processes, and recorded in the ledger."""

import logging
import os
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from niffler_ops.dicomtools.storescp import SHORT, STAGED_FILE, short_name, staging_name
from niffler_ops.errors import CannotWriteError
from niffler_ops.files import is_left, make_private_folder, move, remove_empty_folder, rename
from niffler_ops.headers import read_instances
from niffler_ops.ledger.studies import Study
from niffler_ops.model import InstanceFile
from niffler_ops.processes.workers import Workers
from niffler_ops.stages.place import Place
from niffler_ops.stages.progress import Progress
from niffler_ops.stages.unqueried import UnqueriedStage
from niffler_ops.states import STUDY_ENDS, StudyState

CHUNK = 32
SCAN_SECONDS = 0.1
SETTLED_SECONDS = 1.0  # a folder changed more recently may change again within its time stamp's resolution

MODALITY = "Modality"

_CODE = re.compile(r"[A-Z0-9 _]{1,16}")  # CS of PS3.5: whatever else stands there is no modality

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Folder:
    """A study's folder in staging, and what was seen there: name to inode and time of change."""

    seen: dict[str, tuple[int, int]] = field(default_factory=dict)
    scanned_ns: int = -1
    empty: bool = False


class Arrivals:
    """Watches staging by looking at folders whose time stamp changed: cheap, and nothing is ever missed."""

    def __init__(self, place: Place, workers: Workers, progress: Progress, unqueried: UnqueriedStage) -> None:
        self._unqueried = unqueried
        self._place = place
        self._workers = workers
        self._progress = progress
        self._folders: dict[str, Folder] = defaultdict(Folder)
        self._scan_at = 0.0
        self.scanned = False
        self._read: list[InstanceFile] = []
        self._path_keywords = tuple(place.config.file_path.keywords)

    def prepare(self, readers: int) -> None:
        """Have the readers start while the archive is still being asked, not when the first files come."""
        for _ in range(readers):
            self._workers.submit(read_instances, [], then=lambda _files: None)

    def advance(self) -> None:
        """Notice, hand to the readers, and record what they have read."""
        now = self._place.clock.monotonic()
        if now >= self._scan_at:
            started = time.perf_counter()
            self._scan(now)
            self.scanned = True
            # Never more than about a fifth of the time, however many folders there are.
            self._scan_at = now + max(SCAN_SECONDS, 4 * (time.perf_counter() - started))
        self._record()

    def _scan(self, now: float) -> None:
        if not os.access(self._place.layout.incoming, os.W_OK):
            raise CannotWriteError(f"{self._place.layout.incoming}: storescp cannot write there any more.")
        parts: dict[str, int] = {}
        present = set()
        with os.scandir(self._place.layout.incoming) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    present.add(entry.name)
                    self._look_into(entry, now)
                elif entry.name.endswith(".part"):
                    try:
                        parts[entry.name] = entry.stat(follow_symlinks=False).st_size
                    except FileNotFoundError:
                        continue
        self._progress.receiving(parts, now)
        for name in self._folders.keys() - present:
            del self._folders[name]
        self._progress.looked_at = now

    def _look_into(self, entry: "os.DirEntry[str]", now: float) -> None:
        folder = self._folders[entry.name]
        try:
            # Not the cached entry.stat(): only a fresh one shows a folder that has just changed.
            changed_ns = os.lstat(entry.path).st_mtime_ns
            if changed_ns == folder.scanned_ns and time.time_ns() - changed_ns > SETTLED_SECONDS * 1e9:
                if folder.empty and is_left(entry.path):  # what came was set aside
                    remove_empty_folder(Path(entry.path))
                return
            with os.scandir(entry.path) as found:
                names = [file.name for file in found]
        except FileNotFoundError:
            return
        folder.scanned_ns, folder.empty = changed_ns, not names
        new = []
        for name in names:
            if not STAGED_FILE.fullmatch(name):
                continue
            path = f"{entry.path}/{name}"
            try:
                status = os.lstat(path)
            except FileNotFoundError:
                continue
            signature = (status.st_ino, status.st_mtime_ns)
            if folder.seen.get(name) != signature:
                folder.seen[name] = signature
                new.append(path)
        if new:
            self._progress.arrived(entry.name, len(new), now)
            for start in range(0, len(new), CHUNK):
                self._submit(new[start : start + CHUNK])

    def _submit(self, paths: Sequence[str]) -> None:
        def read(files: list[InstanceFile]) -> None:
            self._read += files
            gone = len(paths) - len(files)
            if gone:
                self._progress.read(Path(paths[0]).parent.name, gone)

        keywords = (*self._path_keywords, *self._unqueried.keywords, MODALITY)
        self._workers.submit(read_instances, list(paths), keywords, then=read)

    def _record(self) -> None:
        files, self._read = self._read, []
        if not files:
            return
        changed: set[int] = set()
        modalities: set[tuple[int, str]] = set()
        recorded: list[InstanceFile] = []
        asides: list[tuple[InstanceFile, str]] = []
        studies: dict[str, Study | None] = {}
        with self._place.ledger.transaction():
            for file in files:
                uid = file.study_instance_uid
                if uid not in studies:
                    studies[uid] = self._place.ledger.studies.by_uid(uid) if uid else None
                study = studies[uid] = self._unqueried.adopt(file, studies[uid])
                if study is not None and study.state is StudyState.VERIFIED:
                    self._read.append(file)  # its study is being filed: see what it is afterwards
                    continue
                recorded.append(file)
                problem = self._record_one(file, study, changed)
                if problem:
                    asides.append((file, problem))
                elif study is not None and _CODE.fullmatch(modality := file.attributes[MODALITY].strip()):
                    modalities.add((study.id, modality))
            self._place.ledger.studies.recount(changed)
            self._place.ledger.studies.keep_modalities(modalities)
            self._place.ledger.count_unexpected(len(asides))
        for file, problem in asides:
            self._set_aside(file, problem)
        for file in recorded:
            self._progress.read(Path(file.path).parent.name)

    def _record_one(self, file: InstanceFile, study: Study | None, changed: set[int]) -> str:
        """Record one file; gives why it is set aside, or nothing."""
        instances = self._place.ledger.instances
        if file.flaw is not None:
            known = instances.get(study.id, file.sop_instance_uid) if study else None
            if study is not None and known is not None and known.state == "received":
                instances.set_state(study.id, file.sop_instance_uid, "awaited")
                changed.add(study.id)
            return str(file.flaw)
        if study is None or not self._is_asked_for(file, study):
            return "nobody asked for it"
        known = instances.get(study.id, file.sop_instance_uid)
        if known is not None and known.state == "filed":
            if known.sha256 != file.sha256:
                return "it differs from the same instance that is filed already"
            Path(file.path).unlink(missing_ok=True)
            remove_empty_folder(Path(file.path).parent)
            return ""
        if study.state in STUDY_ENDS:
            return "it arrived after its study had ended"
        path = self._place.config.file_path.path(file.attributes)
        instances.receive(study.id, file, path, promised=study.promised_by != "uid")
        changed.add(study.id)
        self._bring_home(file)
        return ""

    def _is_asked_for(self, file: InstanceFile, study: Study) -> bool:
        if not study.asked:
            return False
        wanted = self._place.ledger.studies.wanted_series
        return study.whole or file.series_instance_uid in wanted(study.id)

    def _bring_home(self, file: InstanceFile) -> None:
        """Filing finds a file by its UIDs: put one that storescp named otherwise where it belongs."""
        home = self._place.layout.staged(
            staging_name(file.study_instance_uid), staging_name(file.sop_instance_uid)
        )
        if file.path != str(home):  # comparing paths would cost as much as recording the file
            make_private_folder(home.parent)
            rename(Path(file.path), home)

    def _set_aside(self, file: InstanceFile, problem: str) -> None:
        source = Path(file.path)
        name = f"{source.parent.name[:13]}-{source.stem}-{file.inode}.dcm"
        try:
            move(source, self._place.layout.unexpected / name)
        except FileNotFoundError:
            return
        uid = file.study_instance_uid
        study = short_name(uid) if uid else source.parent.name[:SHORT]
        log.warning("Set aside as unexpected/%s: %s (study %s)", name, problem, study)
