"""niffler-archive: serve a folder of DICOM files, for demonstrations, tests and trying a configuration."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import NoReturn, TypeVar

from niffler_ops.cli.parsing import ArgumentParser
from niffler_ops.embedded.archive import Archive
from niffler_ops.embedded.options import OptionError, port_number
from niffler_ops.errors import NifflerError, UsageError
from niffler_ops.model import Peer

NAME = "niffler-archive"
LONGEST_AET = 16

Kind = TypeVar("Kind", bound=Archive)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; gives the exit status."""
    end_on_signals()
    try:
        serve(make(Archive, parser().parse_args(argv)))
    except NifflerError as error:
        sys.stderr.write(f"{NAME}: {error}\n")
        return error.exit_status
    return os.EX_OK


def end_on_signals() -> None:
    """SIGTERM and SIGINT end with status 0."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)


def make(kind: type[Kind], arguments: argparse.Namespace) -> Kind:
    """An archive of this kind as the arguments describe it; raises NifflerError."""
    destinations = [peer(given) for given in arguments.destination]
    return kind(
        Path(arguments.folder),
        peer(arguments.bind),
        {destination.aet: destination for destination in destinations},
    )


def serve(archive: Archive) -> None:
    """Tell what is served, and serve it."""
    with closing(archive):
        totals = archive.totals()
        here = replace(archive.here, port=archive.listener.port)
        sys.stdout.write(
            f"{NAME}: serving {totals.studies} studies, {totals.instances} instances as {here}\n"
        )
        sys.stdout.flush()
        archive.serve()


def parser() -> ArgumentParser:
    """The command line."""
    arguments = ArgumentParser(
        prog=NAME,
        description="Serve a folder of DICOM files by C-ECHO, C-FIND and C-MOVE.",
        epilog="exit status: 0 asked to stop; 64 wrong usage; 66 no such folder; 69 the port is taken",
        examples=(
            (
                "niffler-archive /data/images --bind PACS@127.0.0.1:11112 --destination QB@127.0.0.1:10243",
                "an archive to try an extraction with",
            ),
        ),
    )
    arguments.add_argument("folder", metavar="FOLDER", help="DICOM files, found by their contents")
    arguments.add_argument("--bind", required=True, metavar="AET@HOST:PORT", help="where it listens")
    arguments.add_argument(
        "--destination",
        required=True,
        action="append",
        metavar="AET@HOST:PORT",
        help="who may be named as move destination, and where it listens; may be repeated",
    )
    return arguments


def peer(given: str) -> Peer:
    """AET@HOST:PORT; raises UsageError."""
    aet, at, address = given.partition("@")
    host, colon, port = address.rpartition(":")
    if not (at and colon and host and 0 < len(aet) <= LONGEST_AET):
        raise UsageError(f"{given!r} is not of the form AET@HOST:PORT")
    try:
        return Peer(aet=aet, host=host.strip("[]"), port=port_number(port))
    except OptionError as error:
        raise UsageError(f"{given!r}: {error}") from error


def _stop(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(os.EX_OK)


if __name__ == "__main__":
    sys.exit(main())
