"""Series of images: the header is encoded once, then each instance's own values are put into its bytes."""

import io
from collections.abc import Iterator
from struct import pack, unpack
from zlib import crc32

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from niffler_ops.demo.corpus_phantom import RESCALE_INTERCEPT, slice_pixels
from niffler_ops.demo.corpus_plan import EncodedInstance, StudyPlan

CLASSES = {
    "CR": UID("1.2.840.10008.5.1.4.1.1.1"),
    "CT": UID("1.2.840.10008.5.1.4.1.1.2"),
    "MR": UID("1.2.840.10008.5.1.4.1.1.4"),
    "OT": UID("1.2.840.10008.5.1.4.1.1.7"),
    "US": UID("1.2.840.10008.5.1.4.1.1.3.1"),
}
_OF_MODALITY: dict[str, dict[str, object]] = {
    "CR": {"BodyPartExamined": "CHEST", "ViewPosition": "PA", "KVP": "110"},
    "CT": {"BodyPartExamined": "CHEST", "KVP": "120"},
    "MR": {
        "BodyPartExamined": "HEAD",
        "ScanningSequence": "SE",
        "SequenceVariant": "NONE",
        "EchoTime": "20",
        "RepetitionTime": "500",
    },
}
_IN_SPACE = {"CT", "MR"}
_SLICE = 1  # millimetre
_AXIAL = ["1", "0", "0", "0", "1", "0"]
# What differs between the images of a series: the headers of these elements in explicit VR little endian.
_OWN_VALUES = (
    ("uid", pack("<HH2s", 0x0002, 0x0003, b"UI")),
    ("uid", pack("<HH2s", 0x0008, 0x0018, b"UI")),
    ("time", pack("<HH2s", 0x0008, 0x0032, b"TM")),
    ("number", pack("<HH2s", 0x0020, 0x0013, b"IS")),
    ("position", pack("<HH2s", 0x0020, 0x0032, b"DS")),
)
_FIRST_HOUR, _HOURS, _MINUTES = 8, 10, 60


def series_data_set(plan: StudyPlan, modality: str, series: int) -> Dataset:
    """Everything that the instances of a series share, and an identity of its own to be replaced."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = list(plan.charset) if isinstance(plan.charset, tuple) else plan.charset
    dataset.SOPClassUID = CLASSES.get(modality, CLASSES["OT"])
    dataset.SOPInstanceUID = plan.uid("series", series, "instance")
    dataset.StudyDate = dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = plan.study_date
    dataset.StudyTime = dataset.SeriesTime = dataset.ContentTime = _time(plan, series, 0)
    dataset.AcquisitionTime = dataset.StudyTime
    dataset.AccessionNumber, dataset.Modality = plan.accession_number, modality
    dataset.Manufacturer, dataset.ManufacturerModelName = "INVENTED", f"Invented {modality}"
    dataset.InstitutionName, dataset.StationName = "Invented Hospital", f"{modality}{plan.number % 3 + 1}"
    dataset.DeviceSerialNumber, dataset.SoftwareVersions = f"{modality}-{plan.number % 3 + 1:04d}", "1.0"
    dataset.ReferringPhysicianName = "INVENTED^PHYSICIAN"
    dataset.StudyDescription, dataset.SeriesDescription = f"Invented {plan.kind}", f"Series {series}"
    dataset.PatientName, dataset.PatientID = plan.patient_name, plan.patient_id
    person = crc32(plan.patient_id.encode())
    dataset.PatientBirthDate, dataset.PatientSex = f"19{40 + person % 50}0101", "FMO"[person % 3]
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = plan.uid(), plan.uid("series", series)
    dataset.StudyID, dataset.SeriesNumber, dataset.InstanceNumber = str(plan.number), series, _number(1)
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    return dataset


def image_series(
    plan: StudyPlan, modality: str, series: int, *, count: int, rows: int, columns: int
) -> Iterator[EncodedInstance]:
    """`count` images of 16 bits in one series, at most 9 999."""
    dataset = series_data_set(plan, modality, series)
    for keyword, value in _OF_MODALITY.get(modality, {}).items():
        setattr(dataset, keyword, value)
    if modality in _IN_SPACE:
        dataset.FrameOfReferenceUID = plan.uid("frame of reference")
        dataset.ImagePositionPatient, dataset.ImageOrientationPatient = _position(0), _AXIAL
        dataset.PixelSpacing, dataset.SliceThickness = ["1", "1"], str(_SLICE)
    describe_pixels(dataset, rows=rows, columns=columns, bits=16)
    if modality == "CT":
        dataset.RescaleIntercept, dataset.RescaleSlope = RESCALE_INTERCEPT, 1
        dataset.WindowCenter, dataset.WindowWidth = "40", "400"
    template = SeriesTemplate(dataset)
    random = plan.random("pixels", series)
    for number in range(1, count + 1):
        sop_instance_uid = plan.uid("series", series, "instance", number)
        pixels = slice_pixels(random, number, rows, columns)
        content = template.instance(
            pixels,
            uid=sop_instance_uid,
            number=_number(number),
            time=_time(plan, series, number),
            position=_position(number),
        )
        yield EncodedInstance(dataset.SeriesInstanceUID, sop_instance_uid, content)


def describe_pixels(dataset: Dataset, *, rows: int, columns: int, bits: int) -> None:
    """Put the Image Pixel module for grey values into `dataset`."""
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns, dataset.PixelRepresentation = rows, columns, 0
    dataset.BitsAllocated = bits
    dataset.BitsStored = 12 if bits == 16 else bits  # noqa: PLR2004 - twelve bits of sixteen, as CT has them
    dataset.HighBit = dataset.BitsStored - 1


def encoded(dataset: Dataset, syntax: UID = ExplicitVRLittleEndian) -> EncodedInstance:
    """`dataset` as a file (PS3.10) in a transfer syntax."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    dataset.save_as(
        buffer,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
        enforce_file_format=True,
    )
    return EncodedInstance(dataset.SeriesInstanceUID, dataset.SOPInstanceUID, buffer.getvalue())


class SeriesTemplate:
    """An encoded header in which an instance's own values replace others of the same length."""

    def __init__(self, dataset: Dataset) -> None:
        self._head = encoded(dataset).content
        self._places = [
            (name, self._place(element)) for name, element in _OWN_VALUES if element in self._head
        ]

    def instance(self, pixels: bytes, **values: str) -> bytes:
        """The file of one instance with its own `values`, named as in the table."""
        head = bytearray(self._head)
        for name, place in self._places:
            value = values[name].encode()
            if len(value) != place.stop - place.start:
                raise ValueError(f"{name} has another length than in the template")
            head[place] = value
        return bytes(head) + pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, len(pixels)) + pixels

    def _place(self, element: bytes) -> slice:
        """Where the value of an element lies."""
        start = self._head.index(element) + len(element)
        (length,) = unpack("<H", self._head[start : start + 2])
        return slice(start + 2, start + 2 + length)


def _time(plan: StudyPlan, series: int, instance: int) -> str:
    """HHMMSS: studies by day, a series five minutes after the other, an instance each second."""
    minute = plan.number * 23 % (_HOURS * _MINUTES) + 5 * series
    seconds = (_FIRST_HOUR * _MINUTES + minute) * 60 + instance
    return f"{seconds // 3600 % 24:02d}{seconds // 60 % 60:02d}{seconds % 60:02d}"


def _number(number: int) -> str:
    """InstanceNumber, always of one length."""
    return f"{number:04d}"


def _position(number: int) -> str:
    """ImagePositionPatient of a slice, always of one length."""
    return f"-0128.00\\-0128.00\\{number * _SLICE:+08.2f}"
