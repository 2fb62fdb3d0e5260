"""niffler-insight: how scanners are used, which clocks are wrong, which scanners there are."""

import sys
from argparse import ArgumentTypeError, Namespace
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from niffler_ops.cli.parsing import ArgumentParser, run, show
from niffler_ops.cli.storing import add_store_option
from niffler_ops.errors import CannotWriteError, MissingInputError, UsageError
from niffler_ops.files import write_durable
from niffler_ops.metadata import open_store, shown, store_url

if TYPE_CHECKING:
    from niffler_ops.insight.reading import Source
    from niffler_ops.insight.reports import Report

BY = ("scanner", "modality", "gap", "exam", "encounter", "hour", "description")


def main(argv: Sequence[str] | None = None) -> int:
    """The console command; gives the exit status."""
    return run(lambda: _tell(parser().parse_args(argv)))


def parser() -> ArgumentParser:
    """The command line."""
    parser = ArgumentParser(
        prog="niffler-insight",
        description="What the records of series in a metadata store tell of the scanners that made them."
        " Without --csv and --html a table is printed.",
        epilog="exit status: 0; 64 wrong usage; 66 no store, or nothing in it; 73 cannot write; 75 the store"
        " is unavailable; 78 wrong settings",
        examples=(
            ("niffler-insight utilization --csv use.csv", "active and on-time of each scanner and day"),
            ("niffler-insight clocks --zone Europe/Berlin", "which clocks are wrong, and by how much"),
            ("niffler-insight scanners", "which scanners there are"),
        ),
    )
    analyses = parser.add_subparsers(title="analyses", dest="analysis", metavar="ANALYSIS", required=True)
    used = analyses.add_parser("utilization", help="active time over on-time, for each scanner and day")
    used.add_argument("--by", choices=BY, default=BY[0], help="what a line tells of (default: %(default)s)")
    used.add_argument(
        "--derived", action="store_true", help="count derived images too, as of X-ray for presentation"
    )
    wrong = analyses.add_parser("clocks", help="by how much and since when clocks are wrong")
    wrong.add_argument(
        "--zone", type=_zone, help="zone of the scanners, as Europe/Berlin (default: the receiver's)"
    )
    wrong.add_argument(
        "--quickest",
        metavar="MINUTES",
        type=float,
        default=0.0,
        help="what the quickest transfer to the receiver takes (default: %(default)g)",
    )
    known = analyses.add_parser("scanners", help="make, names, software, volumes, since when")
    for analysis in (used, wrong, known):
        _add_common_options(analysis)
    return parser


def _add_common_options(parser: ArgumentParser) -> None:
    add_store_option(parser, "MONGO_URI in the environment")
    parser.add_argument(
        "--collection", metavar="NAME", default="default", help="that of a featureset (default: %(default)s)"
    )
    parser.add_argument("--date", metavar="YYYYMMDD", type=_date, help="only this day")
    for option, dest, of in (("--from", "first", "first"), ("--to", "last", "last")):
        parser.add_argument(option, metavar="YYYYMMDD", dest=dest, type=_date, help=f"the {of} day")
    parser.add_argument(
        "--scanners",
        metavar="FILE",
        type=Path,
        help="only those whose serial number is on a line of the file",
    )
    parser.add_argument("--csv", metavar="FILE", type=Path, help="write the table")
    parser.add_argument("--html", metavar="FILE", type=Path, help="write a page with charts")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("write a day as 20260131") from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ArgumentTypeError("there is no such zone; write it as Europe/Berlin") from error


def _tell(arguments: Namespace) -> int:
    first, last = _days(arguments)
    url = store_url(arguments.store)
    if not url:
        raise UsageError("Name the store with --store sqlite:///PATH, or set MONGO_URI in the environment")
    devices = None if arguments.scanners is None else _lines(arguments.scanners)

    from niffler_ops.insight.reading import Source  # noqa: PLC0415 - pandas takes half a second

    with closing(open_store(url)) as store:
        source = Source(
            store=store,
            collection=arguments.collection,
            first=first,
            last=last,
            devices=devices,
            zone=getattr(arguments, "zone", None),
            derived=getattr(arguments, "derived", False),
        )
        if source.is_empty():
            raise MissingInputError(f"{shown(url)}: the collection {arguments.collection} holds no series")
        _write(_report(arguments, source), arguments)
    return 0


def _days(arguments: Namespace) -> tuple[date | None, date | None]:
    if arguments.date is not None and (arguments.first or arguments.last):
        raise UsageError("Give either --date, or --from and --to")
    first, last = arguments.date or arguments.first, arguments.date or arguments.last
    if first and last and first > last:
        raise UsageError(f"--from {first:%Y%m%d} is after --to {last:%Y%m%d}")
    return first, last


def _lines(path: Path) -> frozenset[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise MissingInputError(f"{path}: the list of scanners cannot be read: {why}") from None
    return frozenset(line.strip() for line in lines) - {""}


def _report(arguments: Namespace, source: "Source") -> "Report":
    from niffler_ops.insight.reports import ClockReport, ScannerReport, UtilizationReport  # noqa: PLC0415

    if arguments.analysis == "utilization":
        return UtilizationReport(source, by=arguments.by, pictures=arguments.html is not None)
    if arguments.analysis == "clocks":
        return ClockReport(source, quickest=arguments.quickest)
    return ScannerReport(source)


def _write(report: "Report", arguments: Namespace) -> None:
    """The table first, from which the page is made then."""
    from niffler_ops.insight.tables import Counted, csv_chunks, text  # noqa: PLC0415

    tables = Counted(report.tables())
    if arguments.csv is not None:
        _write_file(arguments.csv, csv_chunks(tables))
    elif arguments.html is not None:
        for _ in tables:
            pass
    else:
        show(text(tables.all()))
    if arguments.html is not None:
        _write_file(arguments.html, [report.page()])
    if not tables.rows:
        sys.stderr.write("No series on these days.\n")


def _write_file(path: Path, chunks: Iterable[bytes]) -> None:
    try:
        write_durable(path, chunks)
    except OSError as error:
        raise CannotWriteError(f"{path}: cannot be written: {error.strerror}") from None
