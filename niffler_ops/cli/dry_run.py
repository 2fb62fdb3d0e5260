"""niffler-cold --dry-run: asks for every row, retrieves nothing, and says what the extraction would need."""

import math
import shutil
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from niffler_ops.cli.parsing import show
from niffler_ops.clock import Clock
from niffler_ops.config import Config
from niffler_ops.dicomtools.toolkit import Toolkit
from niffler_ops.errors import MissingInputError
from niffler_ops.files import make_private_folder
from niffler_ops.intake import check, read_rows
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.reporting.consult import consult
from niffler_ops.reporting.progress import Lines
from niffler_ops.reporting.words import counted, size
from niffler_ops.stages.load import first_lanes
from niffler_ops.states import RowState
from niffler_ops.supervisor import Supervisor, make_place
from niffler_ops.work import Survey

PROBLEMS_SHOWN = 100
SOME_ROWS_WOULD_NOT_BE_DONE = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Experience:
    """Bytes an instance and instances a second, seen in this StorageFolder or given; None: not known.

    `rows_done`: what an extraction into it has done already.
    """

    instance_size: float | None
    instance_rate: float | None
    rows_done: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """What was found, by row state, and what it holds as far as the archive told."""

    rows: dict[str, int]
    problems: list[tuple[int, RowState, str]]
    studies: int
    instances: int
    without_count: int


def experience(config: Config, *, instance_size: float | None, instance_rate: float | None) -> Experience:
    """What was given, else what the ledger of the StorageFolder has seen."""

    def seen(ledger: Ledger) -> tuple[float | None, float | None, int]:
        tallies = ledger.tallies()
        received, seconds = tallies["instance", "received"], ledger.seconds_of_moves()
        average = tallies["instance", "bytes"] / received if received else None
        rate = received / seconds * first_lanes(config) if received and seconds else None
        return average, rate, tallies["row", "done"]

    try:
        seen_size, seen_rate, done = consult(Layout.found(config.storage_folder).ledger, seen)
    except MissingInputError:
        seen_size, seen_rate, done = None, None, 0
    return Experience(
        instance_size=seen_size if instance_size is None else instance_size,
        instance_rate=seen_rate if instance_rate is None else instance_rate,
        rows_done=done,
    )


def dry_run(
    config: Config,
    toolkit: Toolkit,
    clock: Clock,
    *,
    first: int | None,
    known: Experience,
    started: Callable[[Supervisor], None],
) -> int:
    """Ask, print, and give the exit status; the ledger lives in a temporary folder and goes with it.

    `started` gets the supervisor, so that a signal can stop it.
    """
    csv = check(config)
    display = Lines(clock)
    with tempfile.TemporaryDirectory(prefix="niffler-dry-run-") as name:
        layout = Layout(Path(name))
        for folder in layout.folders():
            make_private_folder(folder)
        with closing(Ledger.open(layout.ledger, clock)) as ledger:
            ledger.create(
                configuration={},
                storage_folder=layout.storage_folder,
                csv_file=config.csv_file,
                csv_digest=csv.digest,
                csv_header=csv.header,
                rows=read_rows(config, digest=csv.digest),
            )
            last_line = ledger.rows.line_of(first) if first else None
            place = make_place(config, toolkit, layout, ledger, clock)
            supervisor = Supervisor(place, Survey(place, catalogue=False, last_line=last_line), display)
            started(supervisor)
            supervisor.run()
            found = _forecast(ledger, last_line)
    for line in forecast_lines(config, found, known):
        show(f"{line}\n")
    done = found.rows.get(RowState.MATCHED, 0)
    return 0 if done == sum(found.rows.values()) else SOME_ROWS_WOULD_NOT_BE_DONE


def _forecast(ledger: Ledger, last_line: int | None) -> Forecast:
    tallies = ledger.tallies()
    rows = {name: number for (subject, name), number in tallies.items() if subject == "row" and number}
    return Forecast(
        rows=rows if last_line is None else ledger.rows.states_up_to(last_line),
        problems=ledger.rows.problems(PROBLEMS_SHOWN),
        studies=tallies["study", "found"],
        instances=tallies["instance", "expected"],
        without_count=ledger.studies.without_count(),
    )


def forecast_lines(config: Config, found: Forecast, known: Experience) -> list[str]:
    """What an operator wants to know before a night is spent; no identifiers."""
    names = {RowState.MATCHED.value: "would be retrieved"}
    rows = ", ".join(f"{number} {names.get(state, state)}" for state, number in sorted(found.rows.items()))
    lines = [f"Line {line}: {state}: {reason}" for line, state, reason in found.problems]
    lines.append(f"Rows: {sum(found.rows.values())} ({rows})")
    if known.rows_done:
        lines.append(
            f"{known.rows_done} rows are done already in this StorageFolder and count here all the same"
        )
    lines.append(f"Studies: {found.studies}")
    missing = f"; {found.without_count} studies do not tell their number" if found.without_count else ""
    lines.append(f"Instances: {found.instances}{missing}")
    lines.append(_disk(config, found, known))
    lines.append(_time(config, found, known))
    lines.append("Nothing was retrieved.")
    return lines


def _disk(config: Config, found: Forecast, known: Experience) -> str:
    existing = next(
        folder for folder in (config.storage_folder, *config.storage_folder.parents) if folder.exists()
    )
    free = f"{size(shutil.disk_usage(existing).free)} are free"
    if known.instance_size is None:
        return f"Disk: {free}; --instance-size KB (not known yet) would tell what is needed"
    return f"Disk: about {size(round(found.instances * known.instance_size))} needed, {free}"


def _time(config: Config, found: Forecast, known: Experience) -> str:
    if not known.instance_rate:
        return "Time: --instance-rate INSTANCES (a second, not known yet) would tell how long it takes"
    hours = found.instances / known.instance_rate / 3600
    night = (config.end_hour - config.start_hour) % 24 or 24
    nights = max(math.ceil(hours / night), 1)
    window = f"{counted(nights, 'night')} from {config.start_hour} to {config.end_hour} o'clock"
    return f"Time: about {hours:.1f} hours, or {window}, at {known.instance_rate:.0f} instances a second"
