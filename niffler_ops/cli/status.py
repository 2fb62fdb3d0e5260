"""niffler-status: how an extraction or a receiver stands, also while it runs and after it crashed."""

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from niffler_ops.cli.parsing import ArgumentParser, run, show, whole
from niffler_ops.cli.status_page import (
    LOCAL_HOST,
    PORT,
    Endpoint,
    endpoint,
    serve_pages,
    write_page,
    write_receiver_page,
)
from niffler_ops.clock import SystemClock
from niffler_ops.errors import CannotWriteError, NifflerError, UsageError
from niffler_ops.layout import Layout
from niffler_ops.model import AUTO
from niffler_ops.realtime import status as receiving
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.showing.metrics import receiver_metrics
from niffler_ops.reporting.prometheus import write_metrics
from niffler_ops.reporting.sheets import write_sheet
from niffler_ops.reporting.snapshot import look
from niffler_ops.reporting.standing import standing_json
from niffler_ops.reporting.status import AT_WORK, gather
from niffler_ops.reporting.status_json import status_json
from niffler_ops.reporting.status_text import status_text
from niffler_ops.reporting.verification import Findings, findings_text, verify_tree
from niffler_ops.reporting.words import size
from niffler_ops.requests import LANES, PAUSE, RESUME, STOP, Request, leave
from niffler_ops.terminal import harmless

DISAGREES = 3
MOST_LANES = 64


def main(argv: Sequence[str] | None = None) -> int:
    """The console command; gives the exit status."""
    return run(lambda: _show_status(parser().parse_args(argv)))


def parser() -> ArgumentParser:
    """The command line."""
    parser = ArgumentParser(
        prog="niffler-status",
        description="Show how an extraction or a receiver stands, while it runs, after its end and after a"
        " crash. It changes nothing, but for the requests --stop, --pause, --resume and --lanes, which a"
        " running extraction takes up.",
        epilog="exit status: 0; 3 --verify found differences; 64 wrong usage; 66 no ledger, or one that"
        " cannot be read; 69 --serve cannot listen there; 73 a file cannot be written; 78 the configuration"
        " is wrong, or a package is missing",
        examples=(
            ("niffler-status", "the extractions and receivers of this machine"),
            ("niffler-status /data/study", "how far one is, and its problems"),
            ("niffler-status /data/shard-1 /data/shard-2", "several together, such as the shards of a list"),
            ("niffler-status /data/study --why 17", "the story of line 17 of its CSV"),
            ("niffler-status /data/study --csv corrected.csv", "its list, to be corrected and given back"),
            ("niffler-status /data/study --html page.html", "a page with charts, to look at in a browser"),
            ("niffler-status --serve", "the pages of this machine, kept up to date"),
            ("niffler-status /data/study --verify", "whether the files still are what was filed"),
            ("niffler-status /data/study --watch", "a live view, until `q`"),
            (
                "niffler-status --prometheus /var/lib/node_exporter/textfile/niffler.prom",
                "what Prometheus collects of this machine, from a timer each minute",
            ),
            ("niffler-status /data/study --pause", "ask it to begin nothing new"),
            ("niffler-status /data/study --resume", "ask it to go on"),
            ("niffler-status /data/study --lanes 4", "ask it to retrieve over four associations at once"),
            ("niffler-status /data/study --stop", "ask it to stop in order; the same command continues it"),
        ),
    )
    _add_views(parser)
    _add_outputs(parser)
    _add_requests(parser)
    return parser


def _add_views(parser: ArgumentParser) -> None:
    """What is looked at, and how on a terminal."""
    parser.add_argument(
        "folders",
        metavar="FOLDER",
        nargs="*",
        type=Path,
        help="StorageFolder of an extraction or a receiver (default: the one that --config names, else what"
        " works on this machine); several are added up",
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="config.json of the extraction")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument(
        "--watch",
        action="store_true",
        help="a live view until `q`; without a terminal a line at each change, until the run ends",
    )
    parser.add_argument(
        "--verify",
        action="store_true",
        help="read every retrieved file again, and name what is missing, changed or foreign (exit status 3)",
    )
    parser.add_argument(
        "--why", metavar="LINE", type=whole, help="the story of one line of the CSV, and what will come of it"
    )
    parser.add_argument(
        "--identifiers",
        action="store_true",
        help="for --why: name studies and instances by their UIDs; for --html and --serve: also the values of"
        " the CSV",
    )


def _add_outputs(parser: ArgumentParser) -> None:
    """Pages, sheets and metrics."""
    parser.add_argument(
        "--html", metavar="FILE", type=Path, help="the page: one file that needs neither network nor server"
    )
    parser.add_argument(
        "--serve",
        metavar="HOST:PORT",
        nargs="?",
        type=endpoint,
        const=Endpoint(),
        help=f"the page, kept up to date, until Ctrl-C (default: {LOCAL_HOST}:{PORT}); elsewhere than on"
        " loopback, and with --identifiers, it asks for the token that is printed",
    )
    parser.add_argument(
        "--csv",
        metavar="FILE",
        type=Path,
        help="every line of the CSV with its state and reason, to be corrected and given back as CsvFile",
    )
    parser.add_argument(
        "--prometheus", metavar="FILE", type=Path, help="a textfile for Prometheus' node_exporter"
    )


def _add_requests(parser: ArgumentParser) -> None:
    """What a running extraction is asked to do."""
    asking = parser.add_argument_group("requests to a running extraction, applied within seconds")
    one = asking.add_mutually_exclusive_group()
    one.add_argument("--stop", action="store_true", help="stop in order; the same command continues it")
    one.add_argument("--pause", action="store_true", help="begin nothing new until --resume")
    one.add_argument("--resume", action="store_true", help="go on after --pause")
    one.add_argument(
        "--lanes",
        metavar="N",
        type=_lanes,
        help=f"retrieve over N associations at once; `{AUTO}` finds the number",
    )


def _lanes(text: str) -> int:
    return 0 if text == AUTO else whole(text, most=MOST_LANES)


def _request(arguments: Namespace) -> Request | None:
    if arguments.lanes is not None:
        return Request(name=LANES, number=arguments.lanes)
    return next((Request(name=name) for name in (STOP, PAUSE, RESUME) if getattr(arguments, name)), None)


def _ask(layout: Layout, request: Request) -> int:
    if gather(layout, clock=SystemClock()).state not in AT_WORK:
        show(f"{layout.storage_folder}: no extraction runs there that could be asked; nothing was changed.\n")
        return 0
    try:
        leave(layout.control, request)
    except OSError as error:
        raise CannotWriteError(
            f"{layout.control}: the request cannot be left there ({error.strerror}). Ask as the user who runs"
            " the extraction, and where that folder can be written; or end it with SIGTERM."
        ) from None
    show(f"Asked to {request.words}: within seconds.\n")
    return 0


def _show_status(arguments: Namespace) -> int:
    if arguments.serve is not None:
        return _serve(arguments)
    asks = _request(arguments) or arguments.verify or arguments.why or arguments.csv or arguments.html
    if not arguments.folders and arguments.config is None and not asks:
        return _show_machine(arguments)
    if len(arguments.folders) > 1:
        return _show_together(arguments)
    folder = _storage_folder(arguments)
    if arguments.watch:
        return _watch(folder, arguments)
    layout = Layout.found(folder)
    request = _request(arguments)
    return _ask(layout, request) if request else _tell(folder, layout, arguments)


def _serve(arguments: Namespace) -> int:
    others = ("json", "verify", "why", "csv", "html", "prometheus", "watch")
    if any(getattr(arguments, name) for name in others) or _request(arguments):
        raise UsageError("--serve goes with folders, --config and --identifiers only.")
    folders: list[Path] = arguments.folders
    if not folders and arguments.config is not None:
        folders = [_storage_folder(arguments)]
    for folder in folders:
        if not Layout(folder).private.is_dir():
            sys.stderr.write(f"{folder}: nothing has worked there yet; it is shown when something begins.\n")
    serve_pages(folders, arguments.serve, identifiers=arguments.identifiers)
    return 0


def _tell(folder: Path, layout: Layout, arguments: Namespace) -> int:
    if arguments.why is not None:
        return _show_story(layout, arguments)
    if arguments.csv is not None:
        show(f"{write_sheet(layout, arguments.csv)} lines: {arguments.csv}\n")
        return 0
    if arguments.verify:
        return _verify(layout, as_json=arguments.json)
    if receiving.is_receiver(Place(folder)):
        return _show_receiver(Place(folder), arguments)
    if arguments.html is not None:
        write_page(layout, arguments.html, identifiers=arguments.identifiers)
        return 0
    return _show_extraction(layout, arguments)


def _show_extraction(layout: Layout, arguments: Namespace) -> int:
    seen = look(layout, clock=SystemClock())
    if arguments.prometheus is not None:
        write_metrics(arguments.prometheus, [seen.status])
        return 0
    if seen.note:
        sys.stderr.write(harmless(f"niffler-status: {seen.note}\n"))
    status, standing = seen.status, seen.standing
    if arguments.json:
        content = {**status_json(status), "standing": standing_json(standing)}
        show(json.dumps(content, indent=2) + "\n")
    else:
        show(status_text(status, standing))
    return 0


def _show_together(arguments: Namespace) -> int:
    """Several folders: the shards of a list, added up, or all asked for the same."""
    if any(getattr(arguments, name) for name in ("verify", "why", "csv", "html", "watch")):
        raise UsageError("Name one FOLDER; several go with --json, --prometheus, --serve and requests only.")
    layouts = [Layout.found(folder) for folder in arguments.folders]
    if len({layout.storage_folder.resolve() for layout in layouts}) < len(layouts):
        raise UsageError("Name each FOLDER once.")
    request = _request(arguments)
    if request is not None:
        return _ask_all(layouts, request)
    seen = [look(layout, clock=SystemClock()) for layout in layouts]
    from niffler_ops.reporting.together import together_json, together_text  # noqa: PLC0415 - psutil is slow

    statuses = [one.status for one in seen]
    for one in seen:
        if one.note:
            sys.stderr.write(f"niffler-status: {one.note}\n")
    if arguments.prometheus is not None:
        write_metrics(arguments.prometheus, statuses)
    elif arguments.json:
        show(json.dumps(together_json(statuses), indent=2) + "\n")
    else:
        show(together_text(statuses))
    return 0


def _ask_all(layouts: Sequence[Layout], request: Request) -> int:
    """Ask each, also where one before it cannot be asked; the first of those is told of at the end."""
    status, errors = 0, list[NifflerError]()
    for layout in layouts:
        try:
            status = max(status, _ask(layout, request))
        except NifflerError as error:
            errors.append(error)
    if errors:
        raise errors[0]
    return status


def _show_receiver(place: Place, arguments: Namespace) -> int:
    if arguments.html is not None:
        write_receiver_page(place, arguments.html)
        return 0
    received = receiving.gather(place, SystemClock())
    if arguments.prometheus is not None:
        write_metrics(arguments.prometheus, [], receiver_metrics([received]))
    elif arguments.json:
        show(json.dumps(receiving.status_json(received), indent=2) + "\n")
    else:
        show(receiving.status_text(received))
    return 0


def _show_story(layout: Layout, arguments: Namespace) -> int:
    from niffler_ops.reporting.story import read_story  # noqa: PLC0415 - pydicom is slow to import
    from niffler_ops.reporting.story_text import story_text  # noqa: PLC0415

    story = read_story(layout, arguments.why, clock=SystemClock(), identifiers=arguments.identifiers)
    show(story_text(story))
    return 0


def _show_machine(arguments: Namespace) -> int:
    """Without a folder: the extractions and receivers of this machine."""
    if arguments.watch:
        return _watch(None, arguments)
    from niffler_ops.realtime.showing import machine  # noqa: PLC0415 - psutil is slow to import
    from niffler_ops.reporting.registry import extractions  # noqa: PLC0415
    from niffler_ops.reporting.registry_text import listing_json, listing_text  # noqa: PLC0415

    found, received = extractions(SystemClock()), machine.of_this_machine(SystemClock())
    if arguments.prometheus is not None:
        statuses = [one.status for one in found if one.status is not None]
        receivers = [one.status for one in received if one.status is not None]
        write_metrics(arguments.prometheus, statuses, receiver_metrics(receivers))
    elif arguments.json:
        listed = [*listing_json(found), *machine.receivers_json(received)]
        show(json.dumps(listed, indent=2) + "\n")
    else:
        show((listing_text(found) if found or not received else "") + machine.receivers_text(received))
    return 0


def _watch(folder: Path | None, arguments: Namespace) -> int:
    others = ("json", "verify", "why", "csv", "html", "prometheus")
    if any(getattr(arguments, name) for name in others) or _request(arguments):
        raise UsageError("--watch goes with a folder or --config only.")
    from niffler_ops.cli.watching import watch  # noqa: PLC0415 - rich is slow to import

    return watch(folder)


def _verify(layout: Layout, *, as_json: bool) -> int:
    terminal = sys.stderr.isatty()

    def progress(findings: Findings) -> None:
        if terminal:
            sys.stderr.write(f"\r{findings.checked} files, {size(findings.size)}")

    findings = verify_tree(layout, progress=progress)
    if terminal:
        sys.stderr.write("\n")
    show(json.dumps(asdict(findings), indent=2) + "\n" if as_json else findings_text(findings))
    return 0 if findings.agree else DISAGREES


def _storage_folder(arguments: Namespace) -> Path:
    if arguments.folders:
        folder: Path = arguments.folders[0]
        return folder
    if arguments.config is None:
        raise UsageError("Name the StorageFolder of the extraction, or its config.json with --config FILE.")
    from niffler_ops.config.loading import storage_folder_of  # noqa: PLC0415 - pydantic is slow to import

    return storage_folder_of(arguments.config)


if __name__ == "__main__":
    sys.exit(main())
