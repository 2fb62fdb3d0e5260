"""The archive and its faults: decided by each row's number, so that every run has the same ones.

Each study has one patient, PNNNNNNNN, and INSTANCES instances. One row in 50 is unknown, one in 100 fails at
first, one in 5 000 is first refused for want of resources, one in 1 000 is never given, and one movescu in 20
loses its association on the way. After every 75 seconds the archive does not answer for 15.
"""

import struct
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.simulation.virtual import Call, VirtualLauncher
from niffler_ops.dicomtools.querykeys import query_file
from niffler_ops.embedded.command import Command, Field, describe
from niffler_ops.embedded.echo import Echo
from tests.support.clock import FakeClock

INSTANCES = 10
ROOT = "1.2.826.0.1.3680043.8.498.77"
START_SECONDS = 0.6  # of a JVM
FIND_SECONDS = 0.002
MOVE_SECONDS = 0.02  # ten instances at 500 a second, over each lane
AWAY_EVERY_SECONDS, AWAY_SECONDS = 90.0, 15.0
SUCCESS, PENDING, OUT_OF_RESOURCES, CANNOT = 0x0000, 0xFF00, 0xA702, 0xC001
LOST = 2  # exit status of a tool whose association was lost

_PATIENT_ID, _STUDY_UID = 0x00100020, 0x0020000D


def is_unknown(number: int) -> bool:
    """Whether the archive has no such patient."""
    return number % 50 == 7


def is_never_given(number: int) -> bool:
    """Whether the archive fails to send it, however often it is asked."""
    return number % 1000 == 501


class SimulatedArchive:
    """Plays findscu and movescu against an archive that is in no process.

    `refused` has the rows that it has failed at once, and is added to: it remembers them beyond a run.
    """

    def __init__(self, clock: FakeClock, refused: set[int]) -> None:
        self.clock = clock
        self._began = clock.monotonic()
        self._refused = refused
        self._movescus = 0
        self.launcher = VirtualLauncher(clock, self._play)
        self.first_retrieve_at: float | None = None

    @property
    def echo(self) -> Echo:
        """What a C-ECHO comes to now."""
        return Echo.UNREACHABLE if self._is_away else Echo.ANSWERED

    @property
    def _is_away(self) -> bool:
        return (self.clock.monotonic() - self._began) % AWAY_EVERY_SECONDS > AWAY_EVERY_SECONDS - AWAY_SECONDS

    def _play(self, call: Call) -> None:
        files = [Path(name) for name in call.arguments[call.arguments.index("--") + 1 :]]
        if call.name == "findscu":
            output = Path(call.arguments[call.arguments.index("--out-dir") + 1])
            work = self._answers(call, files, output)
            self._step(call, work, START_SECONDS, FIND_SECONDS)
        else:
            self._movescus += 1
            self.first_retrieve_at = self.first_retrieve_at or time.perf_counter()
            breaks_at = len(files) // 2 if self._movescus % 20 == 5 else None
            self._step(call, self._responses(call, files, breaks_at), START_SECONDS, MOVE_SECONDS)

    def _step(self, call: Call, work: Iterator[None], wait: float, seconds: float) -> None:
        def go_on() -> None:
            if call.exit_code is not None:
                return
            if self._is_away:
                call.say("java.net.ConnectException: Connection refused\n")
                call.end(LOST)
            elif next(work, work) is not work:
                self._step(call, work, seconds, seconds)

        self.launcher.after(wait, go_on)

    def _answers(self, call: Call, files: list[Path], output: Path) -> Iterator[None]:
        """A match for each query but those for unknown patients."""
        results = 0
        for message, file in enumerate(files, start=1):
            patient = _values(file.read_bytes())[_PATIENT_ID]
            number = int(patient[1:])
            if not is_unknown(number):
                results += 1
                match = {
                    "PatientID": patient,
                    "StudyInstanceUID": f"{ROOT}.{number}",
                    "NumberOfStudyRelatedInstances": str(INSTANCES),
                }
                (output / f"{results:03}.dcm").write_bytes(query_file(match))
                call.say(_response(Field.C_FIND_RSP, message, PENDING))
            call.say(_response(Field.C_FIND_RSP, message, SUCCESS))
            yield
        call.end(0)

    def _responses(self, call: Call, files: list[Path], breaks_at: int | None) -> Iterator[None]:
        """A final response for each request, up to that at which the association is lost."""
        for message, file in enumerate(files, start=1):
            if message - 1 == breaks_at:
                call.say("org.dcm4che3.net.pdu.AAbort: A-ABORT[source: 2, reason: 0]\n")
                call.end(LOST)
                return
            number = int(_values(file.read_bytes())[_STUDY_UID].rpartition(".")[2])
            call.say(self._moved(message, number))
            yield
        call.end(0)

    def _moved(self, message: int, number: int) -> str:
        if is_never_given(number):
            return _response(Field.C_MOVE_RSP, message, CANNOT)
        if number % 100 == 33 and number not in self._refused:
            self._refused.add(number)
            status = OUT_OF_RESOURCES if number % 5000 == 33 else CANNOT
            return _response(Field.C_MOVE_RSP, message, status)
        return _response(Field.C_MOVE_RSP, message, SUCCESS, completed=INSTANCES)


def _response(field: Field, message: int, status: int, completed: int | None = None) -> str:
    command = Command(field=field, responding_to=message, status=status, completed=completed)
    return f"12:00:00.000 INFO  - BENCH->ARCHIVE(1) >> {describe(command, 1, '1.2.840.10008.1.2')}\n"


def _values(data: bytes) -> dict[int, str]:
    """The elements of a query file, by tag."""
    values, position = {}, 0
    while position < len(data):
        group, element, length = struct.unpack_from("<HHL", data, position)
        position += 8
        values[group << 16 | element] = data[position : position + length].decode("ascii").strip(" \0")
        position += length
    return values
