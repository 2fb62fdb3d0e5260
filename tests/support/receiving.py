"""One real-time receiver at a time, as systemd runs it, and a modality that sends to it."""

import contextlib
import json
import os
import signal
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import psutil
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from niffler_ops.embedded.index import Instance
from niffler_ops.embedded.sending import Originator, Outgoing, Sender, SendError, UnreachableError
from niffler_ops.files import make_private_folder, write_private
from niffler_ops.model import Peer
from tests.support.dicomfiles import CT, encode, encoded_body, image
from tests.support.processes import KILLED, wait_until
from tests.support.rig import Ended, Rig, Running

ROOT_UID = "1.2.826.0.1.3680043.8.498.88"
PATIENT = "P0047112"
SETTLED_AT_ONCE = 0
NO_PRESSURE = 0
STOPS_WITHIN = 10.0
MANY = 100_000  # from here on numbers are of one length

# What an association is asked for with: one SOP class in one transfer syntax.
_EXAMPLE = Instance(
    path=Path(),
    study="",
    series="",
    sop_instance="",
    sop_class=CT,
    transfer_syntax=ExplicitVRLittleEndian,
    offset=0,
    header=b"",
)


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One instance of an invented series."""

    study: int
    series: int
    number: int
    content: str = ""

    @property
    def series_uid(self) -> str:
        return f"{ROOT_UID}.{self.study}.{self.series}"

    @property
    def uid(self) -> str:
        return f"{self.series_uid}.{self.number}"

    def dataset(self) -> Dataset:
        return image(
            StudyInstanceUID=f"{ROOT_UID}.{self.study}",
            SeriesInstanceUID=self.series_uid,
            SOPInstanceUID=self.uid,
            PatientID=f"{PATIENT}{self.study:04d}",
            PatientName=f"Gröninger{self.study:04d}^Wilhelmina",
            SpecificCharacterSet="ISO_IR 192",
            AccessionNumber=f"ACC008344{self.study:04d}",
            Modality="CT",
            Manufacturer="Invented",
            ManufacturerModelName="Scanner",
            DeviceSerialNumber=f"SN{self.study % 5}",
            StationName=f"CT{self.study % 5}",
            StudyDate="20240301",
            SeriesDescription=self.content or "axial",
            AcquisitionDate="20240301",
            AcquisitionTime=f"12{self.number // 60 % 60:02d}{self.number % 60:02d}",
            InstanceNumber=self.number + 1,
        )


def series_of(study: int, series: int, instances: int, *, first: int = 0) -> list[Sent]:
    """The instances of a series."""
    return [Sent(study=study, series=series, number=number) for number in range(first, first + instances)]


def encoded(instances: Iterable[Sent]) -> list[tuple[str, bytes]]:
    """What goes over the wire, made beforehand: SOP Instance UID and data set."""
    return [(one.uid, encoded_body(one.dataset(), ExplicitVRLittleEndian)) for one in instances]


def copies(study: int, series: int, number: int) -> list[tuple[str, bytes]]:
    """Instances of a series that differ in their UIDs alone, quickly made."""
    first = Sent(study=study, series=series, number=MANY)
    body = encoded_body(first.dataset(), ExplicitVRLittleEndian)
    uids = [replace(first, number=MANY + index).uid for index in range(number)]
    return [(uid, body.replace(first.uid.encode(), uid.encode())) for uid in uids]


def transmit(
    data_sets: Iterable[tuple[str, bytes]], *, port: int, called: str, calling: str = "PACS"
) -> list[str]:
    """Send over one association; gives the SOP Instance UIDs that were acknowledged before it ended."""
    sender = Sender(Peer(aet=called, host="127.0.0.1", port=port), calling, [_EXAMPLE])
    acknowledged = []
    with contextlib.suppress(SendError, UnreachableError, OSError):
        sender.open()
        for uid, body in data_sets:
            outgoing = Outgoing(
                sop_class=CT, sop_instance=uid, transfer_syntax=ExplicitVRLittleEndian, data=BytesIO(body)
            )
            if sender.send(outgoing, Originator(aet=calling, message_id=1)) == 0:
                acknowledged.append(uid)
    with contextlib.suppress(OSError):
        sender.close()
    return acknowledged


class WallClock:
    """Wall-clock time as the receiver sees it: UTC, never behind the machine's."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._shift = 0.0
        self._write()

    def to_hour(self, hour: int) -> None:
        """Forward to the next time that it is a quarter past this hour."""
        now = self.now()
        then = now.replace(hour=hour, minute=15, second=0, microsecond=0)
        self._shift += ((then - now).total_seconds()) % 86400
        self._write()

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._shift)

    def to(self, moment: datetime) -> None:
        """Forward to this moment, if it is not past."""
        self._shift += max((moment - self.now()).total_seconds(), 0.0)
        self._write()

    def forward(self, hours: float) -> None:
        self._shift += hours * 3600
        self._write()

    def _write(self) -> None:
        part = self.file.with_suffix(".new")
        part.write_text(str(self._shift))
        part.rename(self.file)


class ReceiverRig(Rig):
    """A folder with meta.json, and the commands."""

    def __init__(self, folder: Path, toolkit: str = "embedded") -> None:
        super().__init__(folder, toolkit)
        self.clock = WallClock(folder / "clock")
        self.environment |= {"NIFFLER_CLOCK": str(self.clock.file), "TZ": "UTC"}
        self.keep_secret("Gröninger", "Wilhelmina", PATIENT, "ACC008344")

    def configure(self, **keys: object) -> None:
        """Write meta.json; a key that is None is left out."""
        given: dict[str, object] = {
            "DCM4CHEBin": self.toolkit,
            "QueryAet": f"NIFFLER:{self.port}",
            "StorageFolder": "received",
            "SettleMinutes": SETTLED_AT_ONCE,
            "MinFreeDisk": NO_PRESSURE,
            **keys,
        }
        written = {name: value for name, value in given.items() if value is not None}
        (self.folder / "meta.json").write_text(json.dumps(written, indent=1))
        self.storage = self.folder / str(given["StorageFolder"])
        self._storages = {self.storage}

    # The commands

    def launch(self, *options: object, before: Sequence[str] = ()) -> Running:
        """niffler-meta beside the test, which may not have begun to listen; `before` it what execs it."""
        arguments = ("--config", self.folder / "meta.json", *options)
        return self.start(*arguments, command="niffler-meta", config=False, before=before)

    def receive(self) -> Running:
        """niffler-meta beside the test, from when it listens."""
        running = self.launch()
        self.wait_for_listening(running)
        return running

    def wait_for_listening(self, running: Running) -> None:
        wait_until(lambda: running.ended or self.echoes(), "the receiver to listen")
        assert not running.ended, running.output()

    def echoes(self, port: int | None = None) -> bool:
        """Whether an association is accepted."""
        try:
            sender = Sender(Peer(aet="NIFFLER", host="127.0.0.1", port=port or self.port), "ECHO", [_EXAMPLE])
            return sender.open()
        except (UnreachableError, OSError):
            return False
        finally:
            with contextlib.suppress(UnboundLocalError, OSError):
                sender.close()

    def sweep(self, seconds: float = 60.0) -> Ended:
        """niffler-meta --sweep to its end."""
        return self.launch("--sweep").end(seconds)

    def send(self, instances: Iterable[Sent], *, port: int | None = None, calling: str = "PACS") -> list[str]:
        """Send; gives what was acknowledged."""
        return transmit(encoded(instances), port=port or self.port, called="NIFFLER", calling=calling)

    def check_conduct(self) -> None:
        """What always holds; a reader that was being started when its receiver was killed may complain."""
        self._commands = [running for running in self._commands if running.process.returncode != KILLED]
        super().check_conduct()

    def end_all(self) -> None:
        """SIGKILL for every command, and wait for what they had started."""
        for running in self._commands:
            if not running.ended:
                running.kill()
        self.wait_for_no_process(30)  # a machine may be busy

    def leave_in_incoming(self, instances: Iterable[Sent]) -> None:
        """As a storescp leaves what it has received, modes included."""
        for one in instances:
            folder = self.private / "incoming" / str(one.study)
            make_private_folder(folder)
            write_private(folder / f"{one.series}-{one.number}.dcm", encode(one.dataset()))

    # What it left

    def record(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """What the receiver's record answers; nothing while there is none."""
        return _asked(self.private / "receiver.sqlite", query, *parameters)

    def records(self, collection: str = "default") -> dict[str, dict[str, Any]]:
        """The store's records, by original Series Instance UID.

        One whose way back was not written yet when the receiver was killed, its images being where they
        came, is left out.
        """
        rows = _asked(self.private / "metadata.sqlite", f'SELECT record FROM "{collection}"')
        records = [json.loads(text) for (text,) in rows]
        originals = self.originals()
        return {originals[record["_id"]]: record for record in records if record["_id"] in originals}

    def originals(self) -> dict[str, str]:
        """The way back: pseudonym to what it stands for."""
        return dict(self.record("SELECT pseudonym, original FROM links"))

    def stored(self) -> dict[str, int]:
        """How many instances of each series the store has."""
        return {series: record["instances"] for series, record in self.records().items()}

    def wait_for_stored(self, expected: dict[str, int]) -> None:
        wait_until(lambda: self.stored() == expected, f"records of {expected}; there is {self.stored()}")

    def on_disk(self) -> set[str]:
        """The SOP Instance UIDs of every file that is there, wherever it waits."""
        found = set()
        for path in self._files():
            with contextlib.suppress(FileNotFoundError):
                found.add(str(dcmread(path, stop_before_pixels=True).SOPInstanceUID))
        return found

    def waiting(self) -> list[Path]:
        """The files at their final paths."""
        return sorted(path for path in self._files() if ".niffler" not in path.parts)

    def _files(self) -> list[Path]:
        """Files that may be images; folders may vanish meanwhile."""
        return [
            Path(folder, name)
            for folder, _, names in os.walk(self.storage)
            for name in names
            if ".dcm" in name
        ]

    def counts(self) -> dict[str, int]:
        return dict(self.record("SELECT name, number FROM counts"))


def counted(instances: Iterable[Sent]) -> dict[str, int]:
    """How many distinct instances each series has."""
    series: dict[str, set[str]] = {}
    for one in instances:
        series.setdefault(one.series_uid, set()).add(one.uid)
    return {uid: len(members) for uid, members in series.items()}


def stop(running: Running) -> None:
    """End it in order."""
    running.signal(signal.SIGTERM)
    ended = running.end(STOPS_WITHIN)
    assert ended.status == 0, ended


def sending(rig: ReceiverRig, data_sets: Iterable[tuple[str, bytes]], told: list[str]) -> threading.Thread:
    """A thread that sends, and tells at its end what was acknowledged."""

    def send() -> None:
        told.extend(transmit(data_sets, port=rig.port, called="NIFFLER"))

    thread = threading.Thread(target=send)
    thread.start()
    return thread


def readers_of(running: Running) -> list[int]:
    """The processes that read files for a receiver."""
    try:
        children = psutil.Process(running.pid).children()
        return [child.pid for child in children if any("spawn_main" in text for text in child.cmdline())]
    except psutil.Error:  # one has just ended
        return []


def check_invariant(rig: ReceiverRig, acknowledged: Iterable[str]) -> None:
    """Whatever was acknowledged is on the disk, or counted in the record of its series."""
    gone = set(acknowledged) - rig.on_disk()
    stored = rig.stored()
    for series, number in Counter(uid.rpartition(".")[0] for uid in gone).items():
        assert number <= stored.get(series, 0), f"{series}: an instance is neither here nor there"


@contextlib.contextmanager
def receiver_rig(folder: Path, toolkit: str = "embedded") -> Iterator[ReceiverRig]:
    """A rig that ends all it has started."""
    with ReceiverRig(folder, toolkit) as rig:
        yield rig


def _asked(file: Path, query: str, *parameters: object) -> list[tuple[Any, ...]]:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
            return connection.execute(query, parameters).fetchall()
    except sqlite3.OperationalError:
        return []
