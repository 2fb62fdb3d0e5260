"""`python -m benchmarks.streaming PORT SECONDS SIDE RATE`: a modality that sends new instances for so long.

RATE is in instances a second, 0 for as many as are taken. Prints how many were taken in all, and how many a
second from a quarter of the time on.
"""

import sys
import time
from contextlib import closing
from io import BytesIO
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from benchmarks.sending import HOST, RECEIVER_AET, SENDER_AET
from niffler_ops.embedded.index import Instance
from niffler_ops.embedded.sending import Originator, Outgoing, Sender
from niffler_ops.model import Peer

ROOT = "1.2.826.0.1.3680043.8.498.90"
OF_A_SERIES = 200
_NUMBER = "10000000"


def main() -> int:
    """Send over one association; 1 where an instance was not taken."""
    port, seconds, side, rate = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    body, sent = _body(side), 0
    example = Instance(
        path=Path(),
        study="",
        series="",
        sop_instance="",
        sop_class=CTImageStorage,
        transfer_syntax=ExplicitVRLittleEndian,
        offset=0,
        header=b"",
    )
    with closing(Sender(Peer(aet=RECEIVER_AET, host=HOST, port=port), SENDER_AET, [example])) as sender:
        begun = time.perf_counter()
        first, first_at = 0, 0.0
        while (spent := time.perf_counter() - begun) < seconds:
            if not first and spent > seconds / 4:
                first, first_at = sent, spent
            if rate and sent > spent * rate:
                time.sleep(0.001)
            elif _send(sender, body, sent):
                return 1
            else:
                sent += 1
    print(sent, (sent - first) / (spent - first_at))
    return 0


def _send(sender: Sender, body: bytes, number: int) -> int:
    series, own = (str(int(_NUMBER) + part) for part in (number // OF_A_SERIES, number))
    data = body.replace(f"{ROOT}.1.{_NUMBER}".encode(), f"{ROOT}.1.{series}".encode(), 1)
    data = data.replace(f"{ROOT}.2.{_NUMBER}".encode(), f"{ROOT}.2.{own}".encode(), 1)
    outgoing = Outgoing(
        sop_class=CTImageStorage,
        sop_instance=f"{ROOT}.2.{own}",
        transfer_syntax=ExplicitVRLittleEndian,
        data=BytesIO(data),
    )
    return sender.send(outgoing, Originator(aet=SENDER_AET, message_id=1))


def _body(side: int) -> bytes:
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CTImageStorage, f"{ROOT}.2.{_NUMBER}"
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = f"{ROOT}.3.1", f"{ROOT}.1.{_NUMBER}"
    dataset.PatientID, dataset.PatientName, dataset.AccessionNumber = "B0001", "Invented^Person", "A0001"
    dataset.Modality, dataset.Manufacturer, dataset.DeviceSerialNumber = "CT", "Invented", "1"
    dataset.StudyDate = dataset.AcquisitionDate = "20240301"
    dataset.AcquisitionTime, dataset.SeriesDescription = "120000", "AXIAL"
    dataset.ImageType, dataset.InstanceNumber = ["ORIGINAL", "PRIMARY", "AXIAL"], 1
    dataset.Rows = dataset.Columns = side
    dataset.SamplesPerPixel, dataset.BitsAllocated, dataset.PixelRepresentation = 1, 16, 0
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.PixelData = bytes(side * side * 2)
    dataset["PixelData"].VR = "OW"
    buffer = BytesIO()
    dataset.save_as(buffer, implicit_vr=False, little_endian=True)
    return buffer.getvalue()


if __name__ == "__main__":
    sys.exit(main())
