"""What niffler-png, niffler-metadata and niffler-deidentify share: their options, and a run over a folder."""

import os
import signal
import sys
from argparse import ArgumentTypeError, Namespace
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from niffler_ops.cli.parsing import ArgumentParser, checked, show, whole
from niffler_ops.clock import SystemClock
from niffler_ops.config.executor import parse_executor
from niffler_ops.config.postprocessing import DEFAULT_OPTIONS
from niffler_ops.database import writing
from niffler_ops.deidentify import Options
from niffler_ops.errors import UsageError
from niffler_ops.executor import hiring
from niffler_ops.metadata.stores import SQLITE
from niffler_ops.postprocess.folder import FolderRun, Summary, check_places
from niffler_ops.postprocess.job import Processor, Settings
from niffler_ops.terminal import printable

PROBLEMS_LEFT = 3
PRIVATE_UMASK = 0o077
SUFFIX = "-deidentified"
STATUSES = (
    "exit status: 0; 3 some files came to nothing, failures.csv says why; 64 wrong usage; 66 no DICOM files;"
    " 69 the executor is unavailable; 73 cannot write; 75 stopped, run it again; 78 wrong settings"
)


class Bar(AbstractContextManager["Bar"]):
    """Progress on a terminal; nothing elsewhere."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("studies"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._progress.add_task("Looking for DICOM files", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def found(self, files: int) -> None:
        """So many DICOM files were found so far."""
        self._progress.update(self._task, description=f"{files:,} DICOM files")

    def began(self, studies: int) -> None:
        """So many studies are to be worked on."""
        self._progress.update(self._task, total=studies, completed=0)

    def ended(self) -> None:
        """One more of them is at its end."""
        self._progress.advance(self._task)

    def waits(self, reason: str) -> None:
        """Nothing goes on until what is needed is there again: said on a terminal and elsewhere."""
        self._progress.console.print(printable(reason), markup=False, highlight=False, soft_wrap=True)


def add_common_options(parser: ArgumentParser) -> None:
    """The options of all three commands."""
    parser.add_argument(
        "--private",
        metavar="FOLDER",
        type=Path,
        help="where the secret and what leads back to people is kept (default: INPUT/.niffler)",
    )
    parser.add_argument(
        "--key", metavar="FILE", type=Path, help="the secret behind the pseudonyms (default: in --private)"
    )
    parser.add_argument(
        "--options",
        metavar="NAMES",
        type=checked(lambda text: Options.parse(option_names(text))),
        default=",".join(DEFAULT_OPTIONS),
        help="options of the Basic Profile of PS3.15 Annex E, with commas between (default: %(default)s)",
    )
    parser.add_argument(
        "--device-recipes", metavar="FILE", type=Path, help="the site's own devices, in deid's format"
    )
    parser.add_argument(
        "--workers", metavar="N", type=whole, help="processes at once (default: as many as cores)"
    )
    parser.add_argument(
        "--executor",
        metavar="URL",
        type=_executor,
        default="",
        help="work elsewhere, over a shared file system: dask://HOST:PORT, dask://local, or slurm://PARTITION,"
        " each with ?workers=N if wanted (default: processes of this machine)",
    )


def _executor(text: str) -> str:
    try:
        if text:
            parse_executor(text)
    except ValueError as error:
        raise ArgumentTypeError(f"allowed: {error}") from None
    return text


def settings_from(arguments: Namespace, source: Path, output: Path, **further: object) -> Settings:
    """The settings that the common options make."""
    private = absolute(arguments.private or source / ".niffler")
    recipes = arguments.device_recipes
    return Settings(
        root=str(absolute(source)),
        output=str(absolute(output)),
        private=str(private),
        secret=str(absolute(arguments.key or private / "pseudonym.key")),
        options=option_names(arguments.options),
        device_recipes=str(absolute(recipes)) if recipes else "",
        **further,  # type: ignore[arg-type]  # names and values of Settings
    )


def option_names(text: str) -> tuple[str, ...]:
    """The names in the value of --options."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def absolute(path: Path) -> Path:
    """A path that holds whatever the current folder; links stay as they are."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def beside(source: Path) -> Path:
    """The OutputFolder of a folder that names none."""
    whole = absolute(source)
    if not whole.name:
        raise UsageError(f"{source}: name the folder for what is made of it with --output")
    return whole.with_name(whole.name + SUFFIX)


def work_on(
    processor: Processor, settings: Settings, arguments: Namespace, *, workers: int, made: str
) -> int:
    """Run the post-processor over the folder, and say what came of it; gives the exit status."""
    os.umask(PRIVATE_UMASK)
    check_places(settings)
    one_machine = settings.store.startswith(SQLITE)
    with (
        writing(),
        Bar() as bar,
        hiring(arguments.executor, workers=workers, one_machine=one_machine) as hire,
    ):
        run = FolderRun(processor, settings, SystemClock(), bar, hire=hire)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: run.ask_to_stop())
        summary = run.run()
    show(_text(summary, settings, made))
    return PROBLEMS_LEFT if summary.held or summary.failed or summary.closed else 0


def _text(summary: Summary, settings: Settings, made: str) -> str:
    lines = [f"{summary.done} studies worked on, {summary.skipped} had been done before. {made}"]
    if summary.refilled:
        lines.append("The store had lost records that were in it before: everything was stored again.")
    if summary.held:
        lines.append(f"{summary.held} files came to nothing: {settings.output}/failures.csv says why.")
    if summary.gone:
        lines.append(
            f"{summary.gone} studies are not in {settings.root} any more: what was made of them stays."
        )
    if summary.closed:
        lines.append(f"{summary.closed} folders cannot be looked into.")
    lines += [f"{summary.failed} studies failed: {reason}" for reason in summary.reasons]
    return "\n".join(lines) + "\n"
