"""What a crash left: processes ended, the ledger rewound, and staging made to agree with it."""

import logging

from niffler_ops.errors import StoppedError
from niffler_ops.files import make_private_folder, remove_folder
from niffler_ops.layout import Layout
from niffler_ops.ledger.store import Ledger
from niffler_ops.processes.identity import Identity
from niffler_ops.processes.leftovers import end_leftovers

log = logging.getLogger(__name__)


def recover(ledger: Ledger, layout: Layout, *, quiet_time: float) -> None:
    """Bring everything to where the supervisor can go on. Safe at any time, also after an orderly end.

    What stands whole in staging is read again and not fetched again; studies that were being
    retrieved are given `quiet_time` seconds, because the archive may still be sending.
    """
    _end_processes(ledger)
    remove_folder(layout.requests)
    make_private_folder(layout.requests)
    for part in layout.incoming.glob("*.part"):
        part.unlink()
    with ledger.transaction():
        rows = ledger.rows.rewind()
        studies = ledger.studies.rewind(grace=quiet_time)
        ledger.studies.reread()
    if rows or studies:
        log.info("Resumed: %d rows and %d studies that were in flight were taken back", rows, studies)


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
