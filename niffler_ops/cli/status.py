"""niffler-status: the progress of an extraction, also while it runs and after it crashed."""

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from niffler_ops.cli.parsing import ArgumentParser, run, show
from niffler_ops.clock import SystemClock
from niffler_ops.errors import MissingInputError, UsageError
from niffler_ops.layout import Layout
from niffler_ops.realtime import status as receiving
from niffler_ops.realtime.place import Place
from niffler_ops.reporting.status import AT_WORK, gather
from niffler_ops.reporting.status_json import status_json
from niffler_ops.reporting.status_text import status_text
from niffler_ops.reporting.verification import Findings, findings_text, verify_tree
from niffler_ops.requests import LANES, PAUSE, RESUME, STOP, Request, leave

DISAGREES = 3
MOST_LANES = 64


def main(argv: Sequence[str] | None = None) -> int:
    """The console command; gives the exit status."""
    return run(lambda: _show_status(_parser().parse_args(argv)))


def _parser() -> ArgumentParser:
    parser = ArgumentParser(
        prog="niffler-status",
        description="Show how far an extraction is, while it runs, after its end and after a crash. It"
        " changes nothing.",
        epilog="exit status: 0; 3 --verify found differences; 64 wrong usage; 66 no ledger, or one that"
        " cannot be read; 78 the configuration is wrong",
    )
    parser.add_argument(
        "folder",
        metavar="FOLDER",
        nargs="?",
        type=Path,
        help="StorageFolder of an extraction or a receiver (default: the one that --config names)",
    )
    parser.add_argument("--config", metavar="FILE", type=Path, help="config.json of the extraction")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of text")
    parser.add_argument(
        "--verify",
        action="store_true",
        help="read every retrieved file again, and name what is missing, changed or foreign (exit status 3)",
    )
    asking = parser.add_argument_group("requests to a running extraction, applied within seconds")
    one = asking.add_mutually_exclusive_group()
    one.add_argument("--stop", action="store_true", help="stop in order; the same command continues it")
    one.add_argument("--pause", action="store_true", help="begin nothing new until --resume")
    one.add_argument("--resume", action="store_true", help="go on after --pause")
    one.add_argument("--lanes", metavar="N", type=_lanes, help="retrieve over N associations at once")
    return parser


def _lanes(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST_LANES:
        raise ValueError(text)
    return number


def _request(arguments: Namespace) -> Request | None:
    if arguments.lanes is not None:
        return Request(name=LANES, number=arguments.lanes)
    return next((Request(name=name) for name in (STOP, PAUSE, RESUME) if getattr(arguments, name)), None)


def _ask(layout: Layout, request: Request) -> int:
    if gather(layout, clock=SystemClock()).state not in AT_WORK:
        raise MissingInputError(f"{layout.storage_folder}: no extraction runs there that could be asked")
    leave(layout.control, request)
    show(f"Asked to {request.name}{f' {request.number}' if request.number else ''}: within seconds.\n")
    return 0


def _show_status(arguments: Namespace) -> int:
    request = _request(arguments)
    if request is not None:
        return _ask(Layout.found(_storage_folder(arguments)), request)
    if arguments.verify:
        return _verify(Layout.found(_storage_folder(arguments)), as_json=arguments.json)
    place = Place(_storage_folder(arguments))
    if receiving.is_receiver(place):
        received = receiving.gather(place, SystemClock())
        if arguments.json:
            show(json.dumps(receiving.status_json(received), indent=2) + "\n")
        else:
            show(receiving.status_text(received))
        return 0
    status = gather(Layout.found(_storage_folder(arguments)), clock=SystemClock())
    show(json.dumps(status_json(status), indent=2) + "\n" if arguments.json else status_text(status))
    return 0


def _verify(layout: Layout, *, as_json: bool) -> int:
    terminal = sys.stderr.isatty()

    def progress(findings: Findings) -> None:
        if terminal:
            sys.stderr.write(f"\r{findings.checked} files, {findings.size / 1e9:.1f} GB")

    findings = verify_tree(layout, progress=progress)
    if terminal:
        sys.stderr.write("\n")
    show(json.dumps(asdict(findings), indent=2) + "\n" if as_json else findings_text(findings))
    return 0 if findings.agree else DISAGREES


def _storage_folder(arguments: Namespace) -> Path:
    if arguments.folder is not None:
        folder: Path = arguments.folder
        return folder
    if arguments.config is None:
        raise UsageError("Name the StorageFolder of the extraction, or its config.json with --config FILE.")
    from niffler_ops.config import load  # noqa: PLC0415 - reading a configuration takes longer than a status

    return load(arguments.config, None, {}).storage_folder


if __name__ == "__main__":
    sys.exit(main())
