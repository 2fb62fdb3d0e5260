"""What niffler-cold does, from the command line to the exit status."""

import logging
import os
import signal
import sys
from argparse import Namespace
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from niffler_ops.cli.logs import start_logging
from niffler_ops.cli.opening import Opened, open_extraction
from niffler_ops.cli.parsing import ArgumentParser, run
from niffler_ops.clock import SystemClock, timestamp
from niffler_ops.config import KEYS, Config, load
from niffler_ops.dicomtools.toolkit import Toolkit, find_toolkit
from niffler_ops.errors import AlreadyRunningError, NifflerError, StoppedError
from niffler_ops.intake import read_rows
from niffler_ops.processes.inspection import storescp_count
from niffler_ops.recovery import recover
from niffler_ops.reporting.progress import Bar, Lines
from niffler_ops.reporting.report import write_report
from niffler_ops.supervisor import Supervisor

PROBLEMS_LEFT = 3
PRIVATE_UMASK = 0o077
STATUSES = (
    "exit status: 0 every row is done; 3 finished, but some rows are not; 64 usage; 65 CSV; 69 archive or"
    " toolkit unavailable; 73 cannot write; 75 stopped, or another extraction runs: run it again;"
    " 78 configuration"
)

log = logging.getLogger(__name__)


def main(argv: list[str]) -> int:
    """Run the command; gives the exit status."""
    os.umask(PRIVATE_UMASK)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop_at_once)
    return run(lambda: _start(_parser().parse_args(argv)))


def _stop_at_once(_number: int, _frame: object) -> None:
    """Before the supervisor runs nothing has to be wound up: transactions roll back."""
    raise StoppedError("Stopped. Run the same command again to continue.")


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="niffler-cold",
        description="Retrieve the studies that a CSV names from an archive; run it again to resume.",
        epilog=STATUSES,
    )
    parser.add_argument(
        "--config", metavar="FILE", type=Path, help="config.json of the extraction (default: ./config.json)"
    )
    parser.add_argument(
        "--system",
        metavar="FILE",
        type=Path,
        help="system.json (default: NifflerSystem, else beside --config)",
    )
    parser.add_argument(
        "--retry-failed", action="store_true", help="take up what is failed, partial or not found again"
    )
    keys = parser.add_argument_group("keys of config.json and system.json", "each overrides the files")
    for key in KEYS:
        keys.add_argument(
            f"--{key.name}", dest=f"key:{key.name}", metavar="VALUE", help=key.help.replace("%", "%%")
        )
    return parser


def _start(arguments: Namespace) -> int:
    overrides = {
        name.removeprefix("key:"): value
        for name, value in vars(arguments).items()
        if name.startswith("key:") and value is not None
    }
    config = load(arguments.config, arguments.system, overrides)
    toolkit = find_toolkit(config.dcm4che_bin, java_options=config.java_options)
    with ExitStack() as stack:
        try:
            opened = open_extraction(config, SystemClock(), stack)
        except AlreadyRunningError:
            now = timestamp(SystemClock().now())
            print(f"[EXTRACTION FAILURE] {now}: Previous extraction still running.", flush=True)
            raise
        return _extract(config, toolkit, opened, retry_failed=arguments.retry_failed, stack=stack)


def _extract(
    config: Config, toolkit: Toolkit, opened: Opened, *, retry_failed: bool, stack: ExitStack
) -> int:
    clock = SystemClock()
    display: Bar | Lines = Bar() if sys.stdout.isatty() else Lines(clock)
    stack.enter_context(display)
    stack.callback(start_logging(opened.layout.log, display.print))
    ledger = opened.ledger
    config = _at_its_moment(config, opened)
    _log_start(config, opened)
    recover(ledger, opened.layout, quiet_time=config.quiet_time)
    if opened.corrected:
        _take_correction(config, opened)
    if retry_failed:
        with ledger.transaction():
            studies, rows = ledger.studies.take_up(), ledger.rows.take_up()
        log.info("Taken up again: %d rows and %d studies", rows, studies)
    supervisor = Supervisor(
        config=config, toolkit=toolkit, layout=opened.layout, ledger=ledger, clock=clock, display=display
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: supervisor.ask_to_stop())
    try:
        supervisor.run()
    except NifflerError as error:
        with ledger.transaction():
            ledger.run_ended("stopped")
        log.log(logging.ERROR, "Stopped with exit status %d: %s", error.exit_status, error)
        raise
    display.show(ledger)
    return _finish(config, opened)


def _at_its_moment(config: Config, opened: Opened) -> Config:
    """The configuration with `{now}` of FilePath at the moment when the extraction was first started."""
    record = opened.ledger.record()
    assert record is not None  # noqa: S101 - it was made or found just before
    moment = datetime.fromisoformat(record.created_at).astimezone()
    return config.model_copy(update={"filing": config.file_path.at(moment)})


def _log_start(config: Config, opened: Opened) -> None:
    log.info(
        "Number of running niffler processes: %d and storescp processes: %d", opened.others, storescp_count()
    )
    for text in (*config.notes, *opened.csv.warnings):
        log.warning("%s", text)
    for line, reason in opened.csv.rejected:
        log.warning("Line %d refused: %s", line, reason)
    log.info(
        "%s extraction of %d rows into %s",
        "Resuming the" if opened.resumed else "Starting an",
        opened.csv.rows,
        config.storage_folder,
    )


def _take_correction(config: Config, opened: Opened) -> None:
    """Another CSV than before: its lines are matched with the rows by what they ask for."""
    correction = opened.ledger.correct(
        csv_file=config.csv_file,
        csv_digest=opened.csv.digest,
        csv_header=opened.csv.header,
        rows=read_rows(config, digest=opened.csv.digest),
    )
    log.info(
        "The CSV has changed: %d rows are new, %d withdrawn, %d back again, %d as before",
        correction.new,
        correction.withdrawn,
        correction.returned,
        correction.kept,
    )


def _finish(config: Config, opened: Opened) -> int:
    """Close the books: report, summary, exit status."""
    ledger = opened.ledger
    with ledger.transaction():
        ledger.run_ended("finished")
    write_report(ledger, opened.layout.report, opened.csv.header)
    tallies = ledger.tallies()
    rows = {name: number for (subject, name), number in tallies.items() if subject == "row" and number}
    log.info("Rows: %s", ", ".join(f"{number} {name}" for name, number in rows.items()))
    log.info("Report: %s", opened.layout.report)
    problems = sum(number for name, number in rows.items() if name not in {"done", "withdrawn"})
    if problems:
        log.warning("%d rows are not done: see the report; --retry-failed takes them up again", problems)
    log.info(
        "[EXTRACTION COMPLETE] %s: Niffler Extraction to %s Completes.",
        timestamp(SystemClock().now()),
        config.storage_folder,
    )
    return PROBLEMS_LEFT if problems else 0
