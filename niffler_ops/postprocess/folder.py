"""A post-processor on any folder of DICOM files: only what is new or has changed since the last time."""

import errno
import json
import os
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from niffler_ops.clock import Clock, timestamp
from niffler_ops.deidentify import load_secret
from niffler_ops.deidentify.pseudonyms import Pseudonyms
from niffler_ops.errors import CannotWriteError, MissingInputError, StoppedError, UsageError
from niffler_ops.files import make_private_folder, remove_folder
from niffler_ops.metadata import fragments_in
from niffler_ops.postprocess.catalogue import UNOPENED, Catalogue, Study, holds_dicom
from niffler_ops.postprocess.claim import TakenError, claimed
from niffler_ops.postprocess.configured import digests
from niffler_ops.postprocess.crew import Answer, Hire, Workforce, here, plain_site
from niffler_ops.postprocess.filling import filled_before, filling
from niffler_ops.postprocess.fragments import Fragments
from niffler_ops.postprocess.job import Job, Outcome, Processor, Settings, Verdict
from niffler_ops.postprocess.marker import forget_all
from niffler_ops.postprocess.places import MADE, Places
from niffler_ops.postprocess.reading import UNREADABLE
from niffler_ops.processes.holders import FOLDER, Holder
from niffler_ops.processes.launcher import Launcher
from niffler_ops.processes.locks import Lock, acquire_folder
from niffler_ops.processes.users import user_name

ATTEMPTS = 3
MOST_JOBS = 100
LATER_SECONDS = 5.0
PATIENCE_SECONDS = 600.0
END_SECONDS = 5.0
TURN_SECONDS = 0.1


class Watcher(Protocol):
    """Shows how far it is."""

    def found(self, files: int) -> None:
        """So many DICOM files were found so far."""
        ...

    def began(self, studies: int) -> None:
        """So many studies are to be worked on."""
        ...

    def ended(self) -> None:
        """One more of them is at its end."""
        ...

    def waits(self, reason: str) -> None:
        """Nothing goes on until what is needed is there again."""
        ...


@dataclass(kw_only=True, slots=True)
class Summary:
    """What a run came to: studies `done` now, `skipped` because they had been done before, and `failed`.

    `held` is the number of files that came to nothing, those of skipped studies included; `closed` that of
    folders that could not be looked into. `refilled`: the store had lost records, and all is done again.
    `gone` is the number of studies that are not in the folder any more, while what was made of them is kept.
    """

    done: int = 0
    skipped: int = 0
    failed: int = 0
    held: int = 0
    closed: int = 0
    refilled: bool = False
    gone: int = 0
    reasons: tuple[str, ...] = ()


class FolderRun:
    """One run of a post-processor over the folder that the settings name as root."""

    def __init__(
        self,
        processor: Processor,
        settings: Settings,
        clock: Clock,
        watcher: Watcher,
        *,
        workers: int = 1,
        hire: Hire | None = None,
    ) -> None:
        """So many workers of this machine, unless `hire` finds others."""
        self._processor = processor
        self._settings = settings
        self._digest = ""  # of the settings; known once OutputFolder is claimed
        self._left_out = [Path(settings.private), Path(settings.root) / ".niffler"]
        self._clock = clock
        self._watcher = watcher
        self._hire = hire or here(workers)
        self._launcher = Launcher()
        self._requests = Path(settings.private) / "folder-requests"
        self._crew: Workforce
        self._waiting: deque[tuple[str, int]] = deque()  # studies, and which attempt it is
        self._share = 1
        self._later_since: float | None = None
        self._later_until = 0.0
        self._stop_asked = False
        self._summary = Summary()

    def ask_to_stop(self) -> None:
        """End soon and in order; the same command continues. May be called by a signal handler."""
        self._stop_asked = True

    def run(self) -> Summary:
        """Do all that is new, and bring the tables up to date.

        Raises UsageError and MissingInputError for a folder that cannot be worked on, StoppedError when asked
        to stop or where a store stays away, AlreadyRunningError, ConfigurationError, and CannotWriteError.
        """
        root, private = Path(self._settings.root), Path(self._settings.private)
        if not root.is_dir():
            raise MissingInputError(f"{root}: there is no such folder")
        check_places(self._settings)
        if not holds_dicom(root, except_for=self._left_out, progress=self._stop_if_asked):
            raise _nothing_in(root)
        lock = self._private_folder(private)
        try:
            with claimed(self._settings) as claim, self._filling(claim) as settings:
                self._settings = settings
                self._digest = json.dumps(digests([self._processor], settings), sort_keys=True)
                return self._run(root, private)
        except TakenError as error:
            raise UsageError(str(error)) from None
        finally:
            lock.release()

    @contextmanager
    def _filling(self, claim: Settings) -> Iterator[Settings]:
        """The settings that belong to the store, where there is one."""
        if self._processor is not Processor.METADATA:
            yield claim
            return
        before = filled_before(claim)
        with filling(claim) as settings:
            self._summary.refilled = settings != before
            yield settings

    def _private_folder(self, private: Path) -> Lock:
        """The folder is made, and ours alone."""
        holder = Holder(
            kind=FOLDER,
            entity=f"niffler-{self._processor}",
            pid=os.getpid(),
            user=user_name(os.getuid()),
            folder=self._settings.root,
            since=timestamp(self._clock.now()),
        )
        try:
            make_private_folder(private)
            if not os.access(private, os.W_OK | os.X_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise CannotWriteError(
                f"{private}: cannot be written ({error.strerror}); it is for the secret and the way back to"
                " people. Name another place with --private FOLDER."
            ) from None
        return acquire_folder(private, holder=holder)

    def _run(self, root: Path, private: Path) -> Summary:
        remove_folder(self._requests)
        make_private_folder(self._requests)
        forget_all(Places.of(self._settings).markers)
        self._crew = self._hire(
            plain_site(self._launcher, self._clock, folder=self._requests, shared=private)
        )
        with closing(Catalogue.open(private / "catalogue.sqlite", root)) as catalogue:
            found = catalogue.scan(except_for=self._left_out, progress=self._found)
            if not found and not catalogue.unopened:
                raise _nothing_in(root)
            self._summary.closed = catalogue.closed_folders
            try:
                self._tell_of_unopened(catalogue)
                self._work(catalogue)
                self._write_tables()
            finally:
                self._wind_up()
            self._summary.held = catalogue.held(self._processor) + len(catalogue.unopened)
            self._summary.gone = len(self._made_of() - {*catalogue.names(), UNOPENED})
        return self._summary

    def _made_of(self) -> set[str]:
        """The studies that something was made of, in this run or before."""
        places = Places.of(self._settings)
        folders = (places.fragments(table, self._processor) for table in (MADE, "metadata"))
        return {path.stem for folder in folders for path in fragments_in(folder)}

    def _tell_of_unopened(self, catalogue: Catalogue) -> None:
        """What cannot be opened now is in failures.csv until a run can open it."""
        job = Job(name=UNOPENED, processor=self._processor, files=(), settings=self._settings)
        secret = load_secret(Path(self._settings.secret), create=False)
        fragments = Fragments(job, Pseudonyms(secret))
        for path, reason in catalogue.unopened:
            fragments.hold(path, rule=UNREADABLE, reason=reason)
        fragments.write()

    def _found(self, files: int) -> None:
        self._watcher.found(files)
        self._stop_if_asked()

    def _stop_if_asked(self) -> None:
        if self._stop_asked:
            raise StoppedError("Stopped. Run the same command again to continue.")

    def _work(self, catalogue: Catalogue) -> None:
        names = catalogue.names()
        due = [name for name in names if not catalogue.is_done(self._study(catalogue, name), self._processor)]
        self._summary.skipped = len(names) - len(due)
        self._waiting.extend((name, 1) for name in due)
        self._share = max(1, min(MOST_JOBS, -(-len(due) // (2 * self._crew.size))))
        self._watcher.began(len(due))
        while self._waiting or self._crew.busy:
            self._stop_if_asked()
            self._crew.watch()
            while self._waiting and self._crew.has_room and self._clock.monotonic() >= self._later_until:
                share = [self._waiting.popleft() for _ in range(min(self._share, len(self._waiting)))]
                self._crew.give([self._job(catalogue, *one) for one in share])
            self._launcher.dispatch(TURN_SECONDS)
        self._crew.watch()

    def _study(self, catalogue: Catalogue, name: str) -> Study:
        return catalogue.study(name, self._digest)

    def _job(self, catalogue: Catalogue, name: str, attempt: int) -> tuple[Job, Answer]:
        study = self._study(catalogue, name)
        job = Job(name=study.name, processor=self._processor, files=study.files, settings=self._settings)
        return job, partial(self._answered, catalogue, study, attempt)

    def _answered(self, catalogue: Catalogue, study: Study, attempt: int, outcome: Outcome) -> None:
        if outcome.verdict is Verdict.DONE:
            catalogue.done(study, self._processor, held=outcome.held)
            self._summary.done += 1
            self._later_since = None
            self._watcher.ended()
        elif outcome.verdict is Verdict.FAILED and attempt >= ATTEMPTS:
            self._summary.failed += 1
            self._summary.reasons = tuple(dict.fromkeys((*self._summary.reasons, outcome.reason)))
            self._watcher.ended()
        elif outcome.verdict is Verdict.FAILED:
            self._waiting.append((study.name, attempt + 1))
        else:
            self._waiting.append((study.name, attempt))
            if outcome.verdict is Verdict.LATER:
                self._wait(outcome.reason)

    def _wait(self, reason: str) -> None:
        now = self._clock.monotonic()
        if self._later_since is None:
            self._later_since = now
            self._watcher.waits(f"{reason}. It is waited for, {PATIENCE_SECONDS / 60:.0f} minutes at most.")
        self._later_until = now + LATER_SECONDS
        if now - self._later_since > PATIENCE_SECONDS:
            raise StoppedError(f"{reason}. Run the same command again when it is back.")

    def _write_tables(self) -> None:
        job = Job(name="tables", processor=Processor.TABLES, files=(), settings=self._settings)
        answers: list[Outcome] = []
        for _ in range(ATTEMPTS):
            self._crew.give([(job, answers.append)])
            while self._crew.busy:
                self._stop_if_asked()
                self._launcher.dispatch(TURN_SECONDS)
            self._crew.watch()
            if answers and answers[-1].verdict is Verdict.DONE:
                return
        reason = answers[-1].reason if answers else "stopped"
        raise CannotWriteError(f"{self._settings.output}: the tables are not up to date: {reason}")

    def _wind_up(self) -> None:
        self._crew.stop()
        deadline = self._clock.monotonic() + END_SECONDS
        while self._launcher.children and self._clock.monotonic() < deadline:
            self._launcher.dispatch(TURN_SECONDS)
        for child in list(self._launcher.children):
            child.kill()
        remove_folder(self._requests)


def _nothing_in(root: Path) -> MissingInputError:
    return MissingInputError(f"{root}: there is no DICOM file in it")


def check_places(settings: Settings) -> None:
    """Raise UsageError where originals, or what leads back to people, would leave with the rest."""
    root, output = Path(settings.root), Path(settings.output)
    real_root, real_output = root.resolve(), output.resolve()
    if real_output == real_root or real_output in real_root.parents or real_root in real_output.parents:
        raise UsageError(f"{output}: has to stand beside {root}, neither in it nor around it")
    for private_place in (Path(settings.private), Path(settings.secret)):
        real = private_place.resolve()
        if real == real_output or real_output in real.parents or real in real_output.parents:
            raise UsageError(f"{private_place}: leads back to people, and must not stand in {output}")
