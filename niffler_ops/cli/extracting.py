"""What niffler-cold does, from the command line to the exit status."""

import logging
import os
import sqlite3
import sys
from argparse import SUPPRESS, Namespace
from collections.abc import Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from datetime import datetime
from pathlib import Path

from niffler_ops.cli.dry_run import dry_run, experience
from niffler_ops.cli.ending import on_signals
from niffler_ops.cli.followers import Followers
from niffler_ops.cli.logs import json_line, start_logging
from niffler_ops.cli.opening import Opened, open_extraction
from niffler_ops.cli.parsing import ArgumentParser, positive, run, whole
from niffler_ops.cli.status_page import write_page
from niffler_ops.clock import SystemClock, timestamp
from niffler_ops.config import KEYS, Config, load
from niffler_ops.database import writing
from niffler_ops.dicomtools.toolkit import Toolkit, find_toolkit
from niffler_ops.errors import AlreadyRunningError, NifflerError, StoppedError
from niffler_ops.executor import hiring
from niffler_ops.intake import read_rows
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.metadata import store_url
from niffler_ops.metadata.stores import SQLITE
from niffler_ops.postprocess.claim import claimed
from niffler_ops.postprocess.configured import check, digests, settings_of, summary
from niffler_ops.postprocess.crew import Hire
from niffler_ops.postprocess.filling import filling
from niffler_ops.postprocess.job import Processor
from niffler_ops.processes.inspection import storescp_count
from niffler_ops.recovery import end_orphans, recover
from niffler_ops.reporting.catalogue import write_catalogue
from niffler_ops.reporting.narration import without_uids
from niffler_ops.reporting.progress import Bar, Lines
from niffler_ops.reporting.registry import register
from niffler_ops.reporting.report import write_report
from niffler_ops.stages.place import Place
from niffler_ops.stages.tools import require_runnable
from niffler_ops.supervisor import Supervisor, make_place
from niffler_ops.work import Relay, Retrieval, Survey, Work

PROBLEMS_LEFT = 3
PRIVATE_UMASK = 0o077
STATUSES = (
    "exit status: 0 every row is done; 3 finished, but some rows are not; 64 usage; 65 CSV; 69 archive or"
    " toolkit unavailable; 70 an error of ours; 73 cannot write; 75 stopped, or another extraction runs:"
    " run it again; 78 configuration"
)

log = logging.getLogger(__name__)


def main(argv: list[str]) -> int:
    """Run the command; gives the exit status."""
    os.umask(PRIVATE_UMASK)
    on_signals(_stop_at_once)
    return run(lambda: _start(parser().parse_args(argv)))


def _stop_at_once(_number: int, _frame: object) -> None:
    """Before the supervisor runs nothing has to be wound up: transactions roll back."""
    raise StoppedError("Stopped. Run the same command again to continue.")


def parser() -> ArgumentParser:
    """The command line."""
    parser = ArgumentParser(
        prog="niffler-cold",
        description="Retrieve the studies that a CSV names from an archive; run it again to resume.",
        usage="%(prog)s [--config FILE] [--system FILE] [options] [--KEY VALUE ...]",
        epilog=STATUSES,
        examples=(
            ("niffler-cold --config study/config.json", "run an extraction, or resume it"),
            ("nohup niffler-cold --config study/config.json &", "the same, beyond the end of the terminal"),
            ("niffler-cold --config study/config.json --dry-run", "what would come, and whether it fits"),
            ("niffler-cold --config study/config.json --first 10", "try it with the first ten rows"),
            ("niffler-cold --config study/config.json --retry-failed", "take up again what did not come"),
            ("niffler-cold --config study/config.json --MoveLanes 4", "with another value of a key"),
        ),
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
    parser.add_argument(
        "--dry-run", action="store_true", help="ask for every row, retrieve nothing, and say what is needed"
    )
    parser.add_argument(
        "--first", metavar="N", type=whole, help="only the first N rows, to try an extraction out"
    )
    parser.add_argument(
        "--instance-size", metavar="KB", type=positive, help="for --dry-run: the size of an instance"
    )
    parser.add_argument(
        "--instance-rate", metavar="N", type=positive, help="for --dry-run: instances a second"
    )
    parser.add_argument(
        "--log-json", action="store_true", help="log in JSON, one object a line, in niffler.log and on stdout"
    )
    keys = parser.add_argument_group("keys of config.json and system.json", "each overrides the files")
    for key in KEYS:
        names = [f"--{key.name}", *(["--shard"] if key.name == "Shard" else [])]
        keys.add_argument(*names, dest=f"key:{key.name}", metavar="VALUE", help=key.help.replace("%", "%%"))
    keys.add_argument("--NifflerID", dest="key:NifflerID", help=SUPPRESS)  # accepted with a note
    return parser


def _start(arguments: Namespace) -> int:
    overrides = {
        name.removeprefix("key:"): value
        for name, value in vars(arguments).items()
        if name.startswith("key:") and value is not None
    }
    config = load(arguments.config, arguments.system, overrides)
    if config.post_processors:
        check(settings_of(config, Layout.planned(config.storage_folder, config.ledger_folder)))
    toolkit = find_toolkit(config.dcm4che_bin, java_options=config.java_options)
    require_runnable(toolkit)
    if arguments.dry_run:
        return _dry_run(config, toolkit, arguments)
    with writing(), ExitStack() as stack:
        try:
            opened = open_extraction(config, SystemClock(), stack)
        except AlreadyRunningError:
            print(_still_running(config, as_json=arguments.log_json), flush=True)
            raise
        return _extract(config, toolkit, opened, arguments, stack)


def _still_running(config: Config, *, as_json: bool) -> str:
    text = f"[EXTRACTION FAILURE] {timestamp(SystemClock().now())}: Previous extraction still running."
    if not as_json:
        return text
    return json_line(log.name, logging.ERROR, text, extraction=str(config.storage_folder))


def _dry_run(config: Config, toolkit: Toolkit, arguments: Namespace) -> int:
    size = None if arguments.instance_size is None else arguments.instance_size * 1000
    known = experience(config, instance_size=size, instance_rate=arguments.instance_rate)
    return dry_run(
        config, toolkit, SystemClock(), first=arguments.first, known=known, started=_stop_on_signals
    )


def _stop_on_signals(supervisor: Supervisor) -> None:
    on_signals(lambda _number, _frame: supervisor.ask_to_stop())


def _extract(config: Config, toolkit: Toolkit, opened: Opened, arguments: Namespace, stack: ExitStack) -> int:
    clock = SystemClock()
    display: Bar | Lines = Bar() if sys.stdout.isatty() else Lines(clock)
    stack.enter_context(display)
    stack.callback(
        start_logging(
            opened.layout.log,
            display.print,
            extraction=str(config.storage_folder),
            as_json=arguments.log_json,
        )
    )
    ledger = opened.ledger
    config = _at_its_moment(config, opened)
    _log_start(config, opened)
    end_orphans(config.query_aet)
    recover(ledger, opened.layout, quiet_time=config.quiet_time)
    if opened.corrected:
        _take_correction(config, opened)
    last_line = ledger.rows.line_of(arguments.first) if arguments.first else None
    if arguments.retry_failed:
        with ledger.transaction():
            rows = ledger.rows.take_up(last_line=last_line)
            studies = ledger.studies.take_up(last_line=last_line)
            ledger.handovers.take_up()
        log.info("Taken up again: %d rows and %d studies", rows, studies)
    if any(processor != Processor.COMMAND for processor in config.post_processors):
        stack.enter_context(claimed(settings_of(config, opened.layout)))
    if Processor.METADATA in config.post_processors:
        stack.enter_context(filling(settings_of(config, opened.layout)))
    with ledger.transaction():
        ledger.passing.adopt([str(archive) for archive in config.src_aet])
    _adopt_processors(config, opened)
    hire = stack.enter_context(_hiring(config, opened.layout))
    place = make_place(config, toolkit, opened.layout, ledger, clock, hire=hire)
    register(config.storage_folder, clock)
    followers = Followers(config, place, clock)
    supervisor = Supervisor(place, _work(place, last_line), display, *followers.displays)
    _stop_on_signals(supervisor)
    with followers.to_the_end(supervisor):
        _work_on(supervisor, ledger, followers)
        display.show(ledger)
        status = _finish(config, opened, last_line)
        if not ledger.open_work():
            followers.completed(status)
    return status


def _hiring(config: Config, layout: Layout) -> AbstractContextManager[Hire]:
    """Who post-processes: the executor's workers where there is something for them."""
    stores = Processor.METADATA in config.post_processors
    one_machine = stores and store_url(settings_of(config, layout).store).startswith(SQLITE)
    url = config.executor if config.post_processors else ""
    return hiring(url, workers=config.post_workers, one_machine=one_machine)


def _work_on(supervisor: Supervisor, ledger: Ledger, followers: Followers) -> None:
    """Run to the end of the work, or to an error that the ledger knows of."""
    try:
        supervisor.run()
    except NifflerError as error:
        followers.ended()
        with suppress(OSError, sqlite3.OperationalError), ledger.transaction():
            ledger.run_ended("stopped", None if supervisor.asked_to_stop else without_uids(str(error)))
        level = logging.WARNING if supervisor.asked_to_stop else logging.ERROR
        log.log(level, "Ended early with exit status %d: %s", error.exit_status, error)
        raise
    followers.ended()


def _adopt_processors(config: Config, opened: Opened) -> None:
    """Post-processors that are new, gone, or told otherwise than before."""
    settings = settings_of(config, opened.layout)
    with opened.ledger.transaction():
        adoption = opened.ledger.handovers.adopt(digests(config.post_processors, settings))
    if adoption.added:
        log.info("Post-processing: %d studies that are done already are worked on", adoption.added)
    if adoption.redone:
        log.info(
            "Post-processing: other settings than before, or its output or store is gone: %d studies again",
            adoption.redone,
        )


def _work(place: Place, last_line: int | None) -> Work:
    if place.config.listing is not None:
        return Survey(place, catalogue=True, last_line=last_line)
    if place.config.sends_elsewhere:
        return Relay(place, last_line=last_line)
    return Retrieval(place, last_line=last_line)


def _at_its_moment(config: Config, opened: Opened) -> Config:
    """The configuration with `{now}` of FilePath at the moment when the extraction was first started."""
    record = opened.ledger.record()
    if config.listing is not None or record is None:
        return config
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
    if config.sends_elsewhere:
        log.warning("DestAet: the images go to another system; nothing is received here")
    log.info(
        "%s extraction of %d rows%s into %s",
        "Resuming the" if opened.resumed else "Starting an",
        opened.csv.rows,
        f" (shard {config.shard})" if config.shard else "",
        config.storage_folder,
    )


def _take_correction(config: Config, opened: Opened) -> None:
    """Another CSV than before: its lines are matched with the rows by what they ask for."""
    log.info("The CSV has changed: its lines are compared with the rows")
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


def _write_page(layout: Layout) -> None:
    """The page is for people to look at: without it the extraction is none the worse."""
    try:
        write_page(layout, layout.page, identifiers=False)
    except NifflerError as error:
        log.warning("There is no page of this run: %s", error)


def _remedy(rows: Mapping[str, int], problems: int) -> str:
    """What can be done about rows that are at their end and not done."""
    rejected = rows.get("rejected", 0)
    texts = []
    if problems > rejected:
        texts.append("--retry-failed takes up again what is partial, failed or not found.")
    if rejected:
        texts.append("Rejected lines want a corrected CSV.")
    return " ".join(texts)


def _finish(config: Config, opened: Opened, last_line: int | None) -> int:
    """Close the books: report, summary, exit status (with `last_line` that of the rows up to it)."""
    ledger = opened.ledger
    more = ledger.open_work()
    with ledger.transaction():
        ledger.run_ended("stopped" if more else "finished")
    write_report(ledger, opened.layout.report, opened.csv.header)
    _write_page(opened.layout)
    if config.listing is not None:
        for path in write_catalogue(ledger, config.storage_folder, config.listing):
            log.info("Table: %s", path)
    tallies = ledger.tallies()
    rows = {name: number for (subject, name), number in tallies.items() if subject == "row" and number}
    if last_line is not None:
        rows = ledger.rows.states_up_to(last_line)
    log.info("Rows: %s", ", ".join(f"{number} {name}" for name, number in rows.items()))
    log.info("Report: %s, and as a page %s", opened.layout.report, opened.layout.page.name)
    for processor in config.post_processors:
        log.info("%s", summary(tallies, processor))
    if config.post_processors and config.output_folder.is_dir():
        log.info("What post-processors made: %s", config.output_folder)
    problems = sum(number for name, number in rows.items() if name not in {"done", "withdrawn"})
    if problems:
        log.warning("%d of the rows are not done: see the report. %s", problems, _remedy(rows, problems))
    if more:
        log.info("The first rows are at their end; without --first the same command does the rest")
        return PROBLEMS_LEFT if problems else 0
    log.info(
        "[EXTRACTION COMPLETE] %s: Niffler Extraction to %s Completes.",
        timestamp(SystemClock().now()),
        config.storage_folder,
    )
    return PROBLEMS_LEFT if problems else 0
