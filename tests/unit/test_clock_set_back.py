"""What waits until some time of the wall clock does not wait longer when that is set back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from niffler_ops.ledger.handovers import Handover
from niffler_ops.recovery import recover
from niffler_ops.stages.retry import LONGEST_WAIT_SECONDS
from niffler_ops.supervisor import Supervisor
from niffler_ops.work import Relay
from tests.support.stages import Bench, bench

DAY = 86_400.0


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Bench]:
    """A row, a study and a handover that were all tried, and are due again within half a minute."""
    with bench(tmp_path, lines=2) as made:
        ledger = made.ledger
        made.studies("1.1", "1.2")
        made.move("1.1")
        made.receive("1.1", [1, 2])
        made.verify("1.1")
        made.move("1.2")
        with ledger.transaction():
            ledger.handovers.adopt({"png": {}})
            ledger.studies.filed(made.study("1.1").id)
            ledger.studies.retry(made.study("1.2").id, delay=30, reason="")
            (handover,) = ledger.handovers.claim(1)
            ledger.handovers.again(handover, delay=30, charged=True, reason="")
            (row,) = ledger.rows.claim(1)
            ledger.rows.ask_again(row.id, delay=30, charged=True, reason="")
        yield made


def due(made: Bench) -> tuple[int, int, list[Handover]]:
    """Whatever may be done now."""
    ledger = made.ledger
    with ledger.transaction():
        return (
            len(ledger.rows.claim(5)),
            len(ledger.studies.due_for_move(5, archive=made.contact.name)),
            ledger.handovers.claim(5),
        )


def assert_all_is_due(made: Bench) -> None:
    rows, studies, handovers = due(made)
    assert (rows, studies, len(handovers)) == (1, 1, 1)


def test_a_run_notices(waiting: Bench) -> None:
    supervisor = Supervisor(waiting.place, Relay(waiting.place))
    supervisor._touch()
    waiting.clock.set_back(DAY)
    waiting.clock.pass_time(5)
    supervisor._touch()
    assert due(waiting) == (0, 0, [])
    waiting.clock.pass_time(LONGEST_WAIT_SECONDS)
    assert_all_is_due(waiting)


def test_a_clock_that_goes_on_shortens_nothing(waiting: Bench) -> None:
    supervisor = Supervisor(waiting.place, Relay(waiting.place))
    for _ in range(5):
        waiting.clock.pass_time(5)
        supervisor._touch()
    assert due(waiting) == (0, 0, [])
    waiting.clock.pass_time(6)
    assert_all_is_due(waiting)


def test_the_next_run_notices(waiting: Bench) -> None:
    waiting.clock.set_back(DAY)
    recover(waiting.ledger, waiting.layout, quiet_time=0)
    waiting.clock.pass_time(LONGEST_WAIT_SECONDS + 1)
    assert_all_is_due(waiting)
