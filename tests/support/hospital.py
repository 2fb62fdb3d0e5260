"""A morning with five scanners, whose images are sent to a receiver as they are made."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydicom.uid import ExplicitVRLittleEndian

from tests.support.dicomfiles import encoded_body, image
from tests.support.receiving import MANY, PATIENT, ROOT_UID, transmit

SCANNERS, ROUNDS, INSTANCES = 5, 10, 100
EVERY = timedelta(minutes=30)
FAST = timedelta(minutes=40)  # scanner 1, always
STEP = timedelta(minutes=60)  # scanner 2, from round 5 on
AGAIN = (0, 5)  # the patient of the round before is examined once more, and for longer
SIDE = 64
_UID, _TIME = f"{ROOT_UID}.{MANY}", "235959"


@dataclass(frozen=True, kw_only=True)
class Acquired:
    """One series of one exam, which ends at the moment of its round."""

    scanner: int
    round: int
    ends: datetime

    @property
    def uid(self) -> str:
        return f"{ROOT_UID}.{self.scanner}.{self.round}.1"

    @property
    def patient(self) -> str:
        of_round = self.round - 1 if (self.scanner, self.round) == AGAIN else self.round
        return f"{PATIENT}{self.scanner}{of_round:02d}"

    @property
    def seconds_apart(self) -> int:
        """From one image to the next."""
        return 15 if (self.scanner, self.round) == AGAIN else 6

    @property
    def wrong(self) -> timedelta:
        """How fast the scanner's clock is."""
        if self.scanner == 1:
            return FAST
        return STEP if self.scanner == 2 and self.round >= 5 else timedelta()

    def times(self) -> list[datetime]:
        """When its images are made, by the scanner's clock."""
        begins = self.ends + self.wrong - timedelta(seconds=self.seconds_apart * INSTANCES)
        return [begins + timedelta(seconds=self.seconds_apart * number) for number in range(INSTANCES)]

    def data_sets(self) -> Iterator[tuple[str, bytes]]:
        """What goes over the wire: SOP Instance UID and data set."""
        times = self.times()
        body = self._body(times[0])
        assert (body.count(_UID.encode()), body.count(_TIME.encode())) == (1, 1)
        for number, time in enumerate(times):
            uid = f"{ROOT_UID}.{MANY + (self.scanner * ROUNDS + self.round) * INSTANCES + number}"
            yield (
                uid,
                body.replace(_UID.encode(), uid.encode()).replace(_TIME.encode(), f"{time:%H%M%S}".encode()),
            )

    def _body(self, day: datetime) -> bytes:
        dataset = image(
            rows=SIDE,
            columns=SIDE,
            pixels=bytes(SIDE * SIDE * 2),
            SOPInstanceUID=_UID,
            StudyInstanceUID=f"{ROOT_UID}.{self.scanner}.{self.round}",
            SeriesInstanceUID=self.uid,
            PatientID=self.patient,
            PatientName="Gröninger^Wilhelmina",
            SpecificCharacterSet="ISO_IR 192",
            AccessionNumber=f"ACC008344{self.scanner}{self.round:02d}",
            ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
            Modality="CT",
            Manufacturer="Invented",
            ManufacturerModelName="Scanner",
            DeviceSerialNumber=f"SN{self.scanner}",
            StationName=f"CT{self.scanner}",
            StudyDescription="THORAX",
            StudyDate=f"{day:%Y%m%d}",
            AcquisitionDate=f"{day:%Y%m%d}",
            AcquisitionTime=_TIME,
        )
        return encoded_body(dataset, ExplicitVRLittleEndian)


def of_round(number: int, start: datetime) -> list[Acquired]:
    """What the scanners have made when a round is over."""
    return [Acquired(scanner=one, round=number, ends=start + number * EVERY) for one in range(SCANNERS)]


def send_side_by_side(series: list[Acquired], *, port: int, called: str) -> int:
    """An association for each scanner; gives how many images were acknowledged."""
    acknowledged: list[str] = []

    def sends(one: Acquired) -> Callable[[], None]:
        def send() -> None:
            acknowledged.extend(
                transmit(one.data_sets(), port=port, called=called, calling=f"CTROOM{one.scanner}")
            )

        return send

    threads = [threading.Thread(target=sends(one)) for one in series]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(acknowledged)
