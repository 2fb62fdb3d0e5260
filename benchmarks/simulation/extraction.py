"""`python -m benchmarks.simulation.extraction CONFIG [ROWS]`: an extraction against the simulated archive.

The supervisor, the ledger and the stages are the real ones, those of images that go to another system; so
nothing is received. Stopped in order when ROWS are at their end. Prints what it took as JSON.
"""

import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks.simulation.archive import SimulatedArchive
from niffler_ops.cli.opening import Opened, open_extraction
from niffler_ops.config import Config, load
from niffler_ops.dicomtools.toolkit import find_toolkit
from niffler_ops.embedded.echo import Echo
from niffler_ops.errors import StoppedError
from niffler_ops.ledger.store import Ledger
from niffler_ops.model import Archive
from niffler_ops.recovery import recover
from niffler_ops.stages.contact import Contact
from niffler_ops.stages.load import load_of
from niffler_ops.stages.place import Place
from niffler_ops.states import ROW_ENDS
from niffler_ops.supervisor import Supervisor, make_place
from niffler_ops.work import Relay
from tests.support.clock import FakeClock

ECHO_SECONDS = 0.02
MEGABYTE = 1000  # of the kernel's kilobytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Simulated:
    """What a run took: CPU in seconds, without that of the archive that is played, and memory in MB.

    `to_first_retrieve`: seconds from the command to the first movescu, the import of the list included.
    `virtual`: seconds as the extraction would have seen them. `rows` by state, `calls` of tools.
    """

    cpu: float
    seconds: float
    to_first_retrieve: float
    virtual: float
    memory: float
    calls: int
    rows: dict[str, int]


class SimulatedContact(Contact):
    """Asks the archive that is played."""

    def __init__(self, simulated: SimulatedArchive, config: Config, archive: Archive) -> None:
        load_of_it = load_of(config, archive, simulated.clock)
        super().__init__(archive, simulated.launcher, simulated.clock, first=True, load=load_of_it)
        self._simulated = simulated

    def ask(self, then: Callable[[Echo], None]) -> None:
        """A C-ECHO without a network."""
        result = self._simulated.echo
        self._simulated.launcher.after(ECHO_SECONDS, lambda: self._asked(result, then))


class StopAt:
    """Asks for a stop when so many rows are at their end."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.supervisor: Supervisor | None = None

    def show(self, ledger: Ledger) -> None:
        """Look how far it is."""
        if self.supervisor is not None and ended(ledger) >= self._rows:
            self.supervisor.ask_to_stop()


def ended(ledger: Ledger) -> int:
    """How many rows are at their end."""
    return sum(ledger.tallies()["row", state] for state in ROW_ENDS)


def extract(configuration: Path, *, refused: set[int], stop_at: int | None = None) -> Simulated:
    """Begin or resume, to the end or until so many rows are at theirs.

    `refused`: what the archive remembers of earlier runs.
    """
    begun = time.perf_counter()
    config, clock = load(configuration, None, {}), FakeClock()
    archive = SimulatedArchive(clock, refused)
    with ExitStack() as stack:
        opened = open_extraction(config, clock, stack)
        recover(opened.ledger, opened.layout, quiet_time=config.quiet_time)
        place = _place(config, opened, archive)
        displays = [] if stop_at is None else [StopAt(stop_at)]
        supervisor = Supervisor(place, Relay(place), *displays)
        for display in displays:
            display.supervisor = supervisor
        virtual, spent = clock.monotonic(), time.process_time()
        with suppress(StoppedError):
            supervisor.run()
        spent = time.process_time() - spent - archive.launcher.playing
        tallies = opened.ledger.tallies()
    return Simulated(
        cpu=spent,
        seconds=time.perf_counter() - begun,
        to_first_retrieve=(archive.first_retrieve_at or begun) - begun,
        virtual=clock.monotonic() - virtual,
        memory=_peak(),
        calls=archive.launcher.calls,
        rows={name: number for (subject, name), number in tallies.items() if subject == "row" and number},
    )


def _peak() -> float:
    """The most memory that this process has had; getrusage would tell of the one that started it, too."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / MEGABYTE


def _place(config: Config, opened: Opened, archive: SimulatedArchive) -> Place:
    toolkit = find_toolkit("embedded")
    place = make_place(
        config, toolkit, opened.layout, opened.ledger, archive.clock, launcher=archive.launcher
    )
    return replace(place, contacts=tuple(SimulatedContact(archive, config, one) for one in config.archives))


def main() -> int:
    """Extract, and say what it took."""
    stop_at = int(sys.argv[2]) if len(sys.argv) > 2 else None
    print(json.dumps(asdict(extract(Path(sys.argv[1]), refused=set(), stop_at=stop_at))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
