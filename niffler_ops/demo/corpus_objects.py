"""Instances that are not a plain image: other encodings, and objects without pixels."""

from collections.abc import Iterator
from typing import Any

import pydicom
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from niffler_ops.demo.corpus_phantom import frame_pixels, slice_pixels
from niffler_ops.demo.corpus_plan import EncodedInstance, StudyPlan
from niffler_ops.demo.corpus_series import CLASSES, describe_pixels, encoded, image_series, series_data_set

_FRAMES, _SIDE = 60, 64
_SINGLE_BIT = UID("1.2.840.10008.5.1.4.1.1.7.1")
_BASIC_TEXT_SR = UID("1.2.840.10008.5.1.4.1.1.88.11")
_ENCAPSULATED_PDF = UID("1.2.840.10008.5.1.4.1.1.104.1")
_PRESENTATION_STATE = UID("1.2.840.10008.5.1.4.1.1.11.1")
# One that scanners do send, so that toolkits with a list of classes may know it.
_PRIVATE_CLASS = UID("1.3.12.2.1107.5.9.1")
# Shipped with pydicom; only their pixels are taken.
_COMPRESSED = (
    ("SC_rgb_jpeg_dcmtk.dcm", "OT"),  # JPEG baseline
    ("SC_rgb_jpeg_gdcm.dcm", "OT"),  # JPEG lossless
    ("JPEG2000.dcm", "OT"),
    ("MR_small_jp2klossless.dcm", "MR"),
    ("MR_small_jpeg_ls_lossless.dcm", "MR"),
)


def multi_frame(plan: StudyPlan) -> Iterator[EncodedInstance]:
    """An ultrasound of 60 frames, and one-bit frames that are packed over their ends."""
    dataset = series_data_set(plan, "US", 1)
    describe_pixels(dataset, rows=_SIDE, columns=_SIDE, bits=8)
    dataset.NumberOfFrames, dataset.FrameTime = _FRAMES, "40"
    dataset.FrameIncrementPointer = 0x00181063
    random = plan.random("frames")
    frames = (frame_pixels(random, number, _SIDE, _SIDE) for number in range(_FRAMES))
    yield encoded(_with_pixels(dataset, b"".join(frames), "OB"))

    dataset = series_data_set(plan, "OT", 2)
    dataset.SOPClassUID, dataset.ConversionType = _SINGLE_BIT, "WSD"
    describe_pixels(dataset, rows=3, columns=3, bits=1)
    dataset.NumberOfFrames = 3
    yield encoded(_with_pixels(dataset, b"\xaa\x55\xaa\x05", "OB"))


def compressed(plan: StudyPlan) -> Iterator[EncodedInstance]:
    """RLE made here, and JPEG, JPEG lossless, JPEG 2000 and JPEG-LS from files that pydicom ships."""
    dataset = _image(plan, "MR", 1)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.compress(RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    yield encoded(dataset, RLELossless)
    for series, (name, modality) in enumerate(_COMPRESSED, start=2):
        shipped = pydicom.dcmread(str(get_testdata_file(name, download=False)))
        dataset = series_data_set(plan, modality, series)
        dataset.update({element.tag: element for element in shipped.group_dataset(0x0028)})
        _with_pixels(dataset, shipped.PixelData, "OB")["PixelData"].is_undefined_length = True
        yield encoded(dataset, shipped.file_meta.TransferSyntaxUID)


def deflated(plan: StudyPlan) -> Iterator[EncodedInstance]:
    """The whole data set deflated."""
    yield encoded(_image(plan, "CT", 1), DeflatedExplicitVRLittleEndian)


def big_endian(plan: StudyPlan) -> Iterator[EncodedInstance]:
    """The retired big endian encoding."""
    dataset = _image(plan, "MR", 1)
    pixels = bytearray(dataset.PixelData)
    pixels[0::2], pixels[1::2] = pixels[1::2], pixels[0::2]
    dataset.PixelData = bytes(pixels)
    yield encoded(dataset, ExplicitVRBigEndian)


def implicit(plan: StudyPlan) -> Iterator[EncodedInstance]:
    """Without VRs, DICOM's default encoding."""
    yield encoded(_image(plan, "CT", 1), ImplicitVRLittleEndian)


def structured_report(plan: StudyPlan) -> Iterator[EncodedInstance]:
    """A report of one sentence."""
    dataset = series_data_set(plan, "SR", 1)
    dataset.SOPClassUID = _BASIC_TEXT_SR
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "UNVERIFIED"
    dataset.ReferencedPerformedProcedureStepSequence = Sequence()
    dataset.PerformedProcedureCodeSequence = Sequence()
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = Sequence([_code("18748-4", "LN", "Diagnostic imaging report")])
    finding = Dataset()
    finding.RelationshipType, finding.ValueType = "CONTAINS", "TEXT"
    finding.ConceptNameCodeSequence = Sequence([_code("121071", "DCM", "Finding")])
    finding.TextValue = "Invented: nothing was found, because nobody was examined."
    dataset.ContentSequence = Sequence([finding])
    yield encoded(dataset)


def encapsulated_pdf(plan: StudyPlan) -> Iterator[EncodedInstance]:
    """A page without anything on it."""
    dataset = series_data_set(plan, "DOC", 1)
    dataset.SOPClassUID, dataset.ConversionType = _ENCAPSULATED_PDF, "WSD"
    dataset.BurnedInAnnotation, dataset.DocumentTitle = "NO", "Invented document"
    dataset.ConceptNameCodeSequence = Sequence()
    dataset.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document = _empty_pdf()
    dataset.EncapsulatedDocument = document + bytes(len(document) % 2)
    yield encoded(dataset)


def presentation_state(plan: StudyPlan) -> Iterator[EncodedInstance]:
    """A CT image, and how to show it."""
    shown = next(image_series(plan, "CT", 1, count=1, rows=_SIDE, columns=_SIDE))
    yield shown
    image = _dataset(ReferencedSOPClassUID=CLASSES["CT"], ReferencedSOPInstanceUID=shown.sop_instance_uid)
    dataset = series_data_set(plan, "PR", 2)
    dataset.SOPClassUID = _PRESENTATION_STATE
    dataset.ContentLabel, dataset.ContentDescription = "INVENTED", "How to show an invented image"
    dataset.ContentCreatorName = "INVENTED^CREATOR"
    dataset.PresentationCreationDate, dataset.PresentationCreationTime = plan.study_date, "120000"
    dataset.ReferencedSeriesSequence = Sequence(
        [_dataset(SeriesInstanceUID=shown.series_instance_uid, ReferencedImageSequence=Sequence([image]))]
    )
    dataset.DisplayedAreaSelectionSequence = Sequence(
        [
            _dataset(
                ReferencedImageSequence=Sequence([image]),
                DisplayedAreaTopLeftHandCorner=[1, 1],
                DisplayedAreaBottomRightHandCorner=[_SIDE, _SIDE],
                PresentationSizeMode="SCALE TO FIT",
                PresentationPixelAspectRatio=[1, 1],
            )
        ]
    )
    dataset.PresentationLUTShape = "IDENTITY"
    yield encoded(dataset)


def private_class(plan: StudyPlan) -> Iterator[EncodedInstance]:
    """An object of a private SOP class, with private elements."""
    dataset = series_data_set(plan, "OT", 1)
    dataset.SOPClassUID = _PRIVATE_CLASS
    block = dataset.private_block(0x0029, "INVENTED HEADER", create=True)
    block.add_new(0x08, "CS", "INVENTED")
    block.add_new(0x10, "OB", plan.random("private").randbytes(1024))
    yield encoded(dataset)


def _image(plan: StudyPlan, modality: str, series: int) -> Dataset:
    """One small image."""
    dataset = series_data_set(plan, modality, series)
    describe_pixels(dataset, rows=_SIDE, columns=_SIDE, bits=16)
    return _with_pixels(dataset, slice_pixels(plan.random("image", series), 1, _SIDE, _SIDE), "OW")


def _with_pixels(dataset: Dataset, pixels: bytes, vr: str) -> Dataset:
    """`dataset` with its pixels."""
    dataset.add_new(0x7FE00010, vr, pixels)
    return dataset


def _dataset(**elements: Any) -> Dataset:
    """A data set of `elements` by keyword."""
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    """An item of a code sequence."""
    return _dataset(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _empty_pdf() -> bytes:
    """The smallest PDF of one page that readers accept."""
    objects = (
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 72 72]/Resources<<>>>>",
    )
    document, table = b"%PDF-1.4\n", b"0000000000 65535 f \n"
    for number, content in enumerate(objects, start=1):
        table += b"%010d 00000 n \n" % len(document)
        document += b"%d 0 obj%sendobj\n" % (number, content)
    trailer = b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % len(document)
    return document + b"xref\n0 4\n" + table + trailer
