"""niffler-status --watch: a live view on a terminal, plain lines elsewhere."""

import io
import os
import sys
from pathlib import Path

from niffler_ops.clock import SystemClock
from niffler_ops.layout import Layout
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.showing.machine import neighbours, of_this_machine
from niffler_ops.realtime.status import is_receiver
from niffler_ops.realtime.watching import ReceiverSource
from niffler_ops.reporting.watch.extraction import ExtractionSource
from niffler_ops.reporting.watch.live import watch_live
from niffler_ops.reporting.watch.machine import MachineSource
from niffler_ops.reporting.watch.picture import Source
from niffler_ops.reporting.watch.plain import watch_plainly
from niffler_ops.terminal import printable

WITHOUT_CURSOR = {"", "dumb", "unknown"}


def watch(folder: Path | None) -> int:
    """Watch an extraction or a receiver, without a folder all that works on this machine."""
    source, clock = _source(folder), SystemClock()
    if not _is_screen():
        watch_plainly(source, clock, _tell)
        return 0
    status, line = watch_live(source, clock)
    _tell(f"{printable(line)}\n")
    return status


def _source(folder: Path | None) -> Source:
    clock = SystemClock()
    if folder is None:
        return MachineSource(clock, lambda: neighbours(of_this_machine(clock)))
    if is_receiver(Place(folder)):
        return ReceiverSource(Place(folder), clock)
    return ExtractionSource(Layout.found(folder), clock)


def _is_screen() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") not in WITHOUT_CURSOR


def _tell(text: str) -> None:
    """Unlike `show` this raises where the reader has left: nobody is there to go on for."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    sys.stdout.write(text)
    sys.stdout.flush()
