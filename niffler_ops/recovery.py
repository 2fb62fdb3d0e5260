"""What a crash left: processes ended, the ledger rewound, and staging made to agree with it."""

import logging
import os

from niffler_ops.errors import StoppedError
from niffler_ops.files import make_empty
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.model import LocalEntity
from niffler_ops.postprocess.marker import forget_all
from niffler_ops.postprocess.places import FRAGMENTS
from niffler_ops.processes.identity import Identity
from niffler_ops.processes.leftovers import end_leftovers
from niffler_ops.processes.standing import INIT, Leftover, Standing, find_leftovers
from niffler_ops.stages.retry import LONGEST_WAIT_SECONDS

log = logging.getLogger(__name__)


def recover(ledger: Ledger, layout: Layout, *, quiet_time: float) -> None:
    """Bring everything to where the supervisor can go on. Safe at any time, also after an orderly end.

    What stands whole in staging is read again and not fetched again; studies that were being
    retrieved are given `quiet_time` seconds, because the archive may still be sending.
    """
    _end_processes(ledger)
    make_empty(layout.requests)
    for part in layout.incoming.glob("*.part"):
        part.unlink()
    forget_all(layout.private / FRAGMENTS / "markers")
    with ledger.transaction():
        rows = ledger.rows.rewind()
        studies = ledger.studies.rewind(grace=quiet_time)
        ledger.handovers.rewind()
        ledger.studies.reread()
        ledger.shorten_waits(LONGEST_WAIT_SECONDS)
    if rows or studies:
        log.info("Resumed: %d rows and %d studies that were in flight were taken back", rows, studies)


def end_orphans(local: LocalEntity) -> None:
    """End every storescp with our AE title and port that belongs to nobody alive, whoever started it.

    Those that are left alone are named in the log; whether one of them has the port, the receiver finds out.
    """
    found = find_leftovers(local)
    orphans = [leftover.receiver for leftover in found if leftover.standing is Standing.ORPHAN]
    left = end_leftovers([receiver.identity for receiver in orphans])
    for receiver in orphans:
        if receiver.identity in left:
            log.error("Left over from an earlier run, and cannot be ended: storescp, %s", receiver)
        else:
            log.warning("Left over from an earlier run, and ended: storescp, %s", receiver)
    for leftover in found:
        if leftover.receiver not in orphans and _may_be_in_the_way(leftover, local):
            log.warning("storescp, %s", leftover.advice)


def _may_be_in_the_way(leftover: Leftover, local: LocalEntity) -> bool:
    receiver, entity = leftover.receiver, leftover.receiver.entity
    if leftover.standing is Standing.DEFUNCT:
        return receiver.uid == os.getuid() and receiver.parent != INIT  # which reaps what it is given
    return entity is not None and (entity.port == local.port or entity.aet == local.aet)


def _end_processes(ledger: Ledger) -> None:
    launches = ledger.launches.open()
    known = {
        Identity(pid=launch.pid, start_ticks=launch.start_ticks, boot_id=launch.boot_id): launch
        for launch in launches
        if launch.pid is not None and launch.start_ticks is not None and launch.boot_id is not None
    }
    left = end_leftovers(list(known))
    if left:
        names = ", ".join(f"{known[identity].role} (pid {identity.pid})" for identity in left)
        raise StoppedError(
            f"Processes of an earlier run cannot be ended: {names}. Have their owner or an administrator end"
            " them (kill -9 PID), then run the same command again."
        )
    with ledger.transaction():
        for launch in launches:
            ledger.launches.ended(launch.token, None)
