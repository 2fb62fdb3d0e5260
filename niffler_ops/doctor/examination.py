"""Every check, in the order in which an operator reads them."""

from collections.abc import Callable, Container, Iterable, Iterator

from niffler_ops.clock import Clock
from niffler_ops.doctor.archives import ARCHIVE, check_archives
from niffler_ops.doctor.findings import Finding, Result, failure
from niffler_ops.doctor.listing import CHECK as CSV
from niffler_ops.doctor.listing import check_csv
from niffler_ops.doctor.machine import (
    CLOCK,
    DISK,
    FILE_SYSTEM,
    check_clock,
    check_disk,
    check_file_systems,
)
from niffler_ops.doctor.notices import CHECK as NOTICES
from niffler_ops.doctor.notices import check_notices
from niffler_ops.doctor.running import LEFTOVERS, LOCKS, PORT, check_leftovers, check_locks, check_port
from niffler_ops.doctor.settings import CHECK as CONFIGURATION
from niffler_ops.doctor.settings import Settings, check_configuration
from niffler_ops.doctor.tools import TOOLKIT, check_tools
from niffler_ops.errors import NifflerError
from niffler_ops.processes.standing import find_leftovers

Check = tuple[str, Callable[[], Iterable[Finding]]]


def examine(settings: Settings, clock: Clock) -> Iterator[Finding]:
    """Look at everything; nothing is changed and nothing retrieved."""
    failed: set[str] = set()
    yield from carried_out(_checks(settings, clock, failed), failed)


def carried_out(checks: Iterable[Check], failed: set[str]) -> Iterator[Finding]:
    """What the checks find, one after another; `failed` learns which have failed."""
    for name, check in checks:
        try:
            for finding in check():
                if finding.result is Result.FAILURE:
                    failed.add(finding.check)
                yield finding
        except (NifflerError, OSError) as error:
            yield failure(name, str(error))


def _checks(settings: Settings, clock: Clock, failed: Container[str]) -> Iterator[Check]:
    system, extraction = settings.extraction or settings.system, settings.extraction
    yield CONFIGURATION, lambda: check_configuration(settings)
    if extraction is not None:
        yield CSV, lambda: check_csv(extraction)
    if system is not None:
        yield TOOLKIT, lambda: check_tools(system)
    if extraction is not None:
        yield DISK, lambda: check_disk(extraction)
    yield FILE_SYSTEM, lambda: check_file_systems(extraction)
    yield CLOCK, lambda: check_clock(system, clock)
    leftovers = find_leftovers(None if system is None else system.query_aet)
    yield LOCKS, lambda: check_locks(system)
    if system is not None:
        yield PORT, lambda: check_port(system, leftovers)
    yield LEFTOVERS, lambda: check_leftovers(leftovers, [] if system is None else [system.query_aet.port])
    if system is not None:
        yield NOTICES, lambda: check_notices(system, examined=extraction is not None)
        yield ARCHIVE, lambda: check_archives(system, clock, tools_work=TOOLKIT not in failed)
