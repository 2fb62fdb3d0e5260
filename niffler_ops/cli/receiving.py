"""What niffler-meta does, from the command line to the exit status."""

import logging
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from niffler_ops.cli.logs import start_logging
from niffler_ops.cli.parsing import ArgumentParser, run, show
from niffler_ops.clock import SystemClock
from niffler_ops.config.receiver import MetaConfig, load_meta
from niffler_ops.dicomtools.toolkit import find_toolkit
from niffler_ops.errors import AlreadyRunningError, StoppedError
from niffler_ops.postprocess.configured import check
from niffler_ops.processes.holders import FOLDER_LOCK, RECEIVER, holder_of
from niffler_ops.realtime.control import ask
from niffler_ops.realtime.machinery import settings_of
from niffler_ops.realtime.opening import open_receiver
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.service import Service
from niffler_ops.realtime.sweeping import LEFT, STORE_AWAY
from niffler_ops.realtime.telling import Telling
from niffler_ops.recovery import end_orphans
from niffler_ops.reporting.registry import register

PRIVATE_UMASK = 0o077
SWEEP_SECONDS = 24 * 3600.0
STATUSES = (
    "exit status: 0 ended in order; 3 --sweep: files that cannot be read, or records that the store refuses,"
    " are left; 64 usage; 69 toolkit unavailable or port taken; 73 cannot write; 75 another receiver runs, or"
    " --sweep: the store is away; 78 configuration"
)
WHY = {
    LEFT: "files that cannot be read, or records that the store refuses, are left.",
    STORE_AWAY: "the metadata store cannot be used; nothing is lost. Run it again once it can.",
}

log = logging.getLogger(__name__)


def main(argv: Sequence[str]) -> int:
    """Run the command; gives the exit status."""
    os.umask(PRIVATE_UMASK)
    return run(lambda: _start(parser().parse_args(argv)))


def parser() -> ArgumentParser:
    """The command line."""
    parser = ArgumentParser(
        prog="niffler-meta",
        description="Receive a stream of images, keep their metadata without identity, and delete the images"
        " by night. It runs until it is asked to stop.",
        epilog=STATUSES,
        examples=(
            ("niffler-meta --config /etc/niffler/meta.json", "receive until it is asked to stop"),
            ("niffler-meta --config /etc/niffler/meta.json --sweep", "store and delete what is due, now"),
        ),
    )
    parser.add_argument(
        "--config",
        metavar="FILE",
        type=Path,
        default=Path("meta.json"),
        help="meta.json (default: %(default)s)",
    )
    parser.add_argument(
        "--sweep",
        action="store_true",
        help="store what has arrived, delete what may go whatever the hour, and exit; a running receiver is"
        " asked to do it",
    )
    parser.add_argument("--log-json", action="store_true", help="log in JSON, one object a line")
    return parser


def _start(arguments: Namespace) -> int:
    config = load_meta(arguments.config)
    check(settings_of(config, Place(config.storage_folder)))
    toolkit = find_toolkit(config.dcm4che_bin, java_options=config.java_options)
    clock = SystemClock()
    with ExitStack() as stack:
        try:
            place = open_receiver(config, clock, stack)
        except AlreadyRunningError:
            if not arguments.sweep:
                raise
            return _told(_ask_for_sweep(config), config)
        folder = str(place.storage_folder)
        stack.callback(start_logging(place.log, _print, extraction=folder, as_json=arguments.log_json))
        if not arguments.sweep:
            register(place.storage_folder, clock, RECEIVER)
            for local in config.local_entities:
                end_orphans(local)
        telling = None if arguments.sweep else Telling(config, place, clock)
        service = Service(config, toolkit, place, clock, stack, telling=telling)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda _number, _frame: service.ask_to_stop())
        if telling is None:
            return _told(service.sweep_once(), config)
        _serve(service, telling)
    return 0


def _serve(service: Service, telling: Telling) -> None:
    try:
        service.run()
    except Exception as error:
        telling.failed(error)
        raise
    finally:
        telling.close()


def _ask_for_sweep(config: MetaConfig) -> int:
    """Whoever holds the folder is asked; one that runs with the same AE title elsewhere is in the way."""
    place = Place(config.storage_folder)

    def is_alive() -> bool:
        return holder_of(place.private / FOLDER_LOCK) is not None

    status = ask(place.control, seconds=SWEEP_SECONDS, is_alive=is_alive) if is_alive() else None
    if status is None:
        raise StoppedError(f"{place.storage_folder}: the receiver that runs has not answered; try again")
    if status == 0:
        show("The running receiver has done it.\n")
    return status


def _told(status: int, config: MetaConfig) -> int:
    """The status of a sweep; what it could not do is an error like others."""
    if status in WHY:
        told = f"`niffler-status {config.storage_folder}` tells more."
        sys.stderr.write(f"niffler-meta: {config.storage_folder}: {WHY[status]} {told}\n")
    return status


def _print(text: str) -> None:
    print(text, flush=True)
