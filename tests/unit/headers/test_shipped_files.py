"""Every DICOM file that pydicom ships, judged; those with pixels also cut."""

import random
import warnings
from pathlib import Path

import pydicom.data
import pytest
from pydicom.dataset import FileDataset

from niffler_ops.headers import read_instance
from niffler_ops.model import Flaw

# Not by pydicom's own functions, which also download what is not in the wheel.
FOLDER = Path(pydicom.data.__file__).parent / "test_files"
SHIPPED = {
    path.relative_to(FOLDER).as_posix(): path
    for path in sorted(FOLDER.rglob("*"))
    if path.is_file() and path.read_bytes()[128:132] == b"DICM"
}

FLAWED = {
    "MR_truncated.dcm": Flaw.TRUNCATED,  # cut on purpose: 8130 bytes of 8192
    "rtplan_truncated.dcm": Flaw.TRUNCATED,  # cut on purpose, inside a sequence
    "meta_missing_tsyntax.dcm": Flaw.UNREADABLE,  # does not say how it is encoded
    # The data set says 1.9.999…, or 1.2.777…, the file meta information 1.2.999….
    "badVR.dcm": Flaw.META_DIFFERS,
    "rtdose.dcm": Flaw.META_DIFFERS,
    "rtdose_1frame.dcm": Flaw.META_DIFFERS,
    "rtdose_expb.dcm": Flaw.META_DIFFERS,
    "rtdose_expb_1frame.dcm": Flaw.META_DIFFERS,
    "rtplan.dcm": Flaw.META_DIFFERS,
    # Images without a Study and Series Instance UID.
    "JPEGLSNearLossless_08.dcm": Flaw.NO_IDENTITY,
    "JPEGLSNearLossless_16.dcm": Flaw.NO_IDENTITY,
    "SC_rgb_jls_lossy_line.dcm": Flaw.NO_IDENTITY,
    "SC_rgb_jls_lossy_sample.dcm": Flaw.NO_IDENTITY,
    # Fragments of data sets, made to test one element.
    "UN_sequence.dcm": Flaw.NO_IDENTITY,
    "empty_charset_LEI.dcm": Flaw.NO_IDENTITY,
    "nested_priv_SQ.dcm": Flaw.NO_IDENTITY,
    "no_meta_group_length.dcm": Flaw.NO_IDENTITY,
    "priv_SQ.dcm": Flaw.NO_IDENTITY,
    # Directories of media, which are no instances.
    "dicomdirtests/DICOMDIR": Flaw.NO_IDENTITY,
    "dicomdirtests/DICOMDIR-bigEnd": Flaw.NO_IDENTITY,
    "dicomdirtests/DICOMDIR-empty.dcm": Flaw.NO_IDENTITY,
    "dicomdirtests/DICOMDIR-implicit": Flaw.NO_IDENTITY,
    "dicomdirtests/DICOMDIR-nooffset": Flaw.NO_IDENTITY,
    "dicomdirtests/DICOMDIR-nopatient": Flaw.NO_IDENTITY,
    "dicomdirtests/DICOMDIR-reordered": Flaw.NO_IDENTITY,
    "dicomdirtests/TINY_ALPHA/DICOMDIR": Flaw.NO_IDENTITY,
}

KEYWORDS = ("PatientID", "AccessionNumber", "StudyDate", "Modality", "PatientName", "ImageType", "Rows")


def reference(path: Path) -> FileDataset:
    """What pydicom makes of the file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path)


def pixel_bytes(path: Path) -> range:
    """Where the pixels lie in the file, their closing delimiter included; empty where there are none."""
    dataset = reference(path)
    if dataset.file_meta.get("TransferSyntaxUID") == pydicom.uid.DeflatedExplicitVRLittleEndian:
        # Behind the file meta information all is one compressed stream, then eight bytes that gzip left.
        size = path.stat().st_size - 8
        return range(size // 2, size)
    if "PixelData" not in dataset:
        return range(0)
    element = dataset["PixelData"]
    start = element.file_tell or 0
    return range(start, start + len(element.value) + (8 if element.is_undefined_length else 0))


WITH_PIXELS = [name for name in SHIPPED if pixel_bytes(SHIPPED[name]) and FLAWED.get(name) != Flaw.TRUNCATED]


def test_what_is_expected_to_be_flawed_is_shipped() -> None:
    assert set(FLAWED) <= set(SHIPPED)
    assert len(WITH_PIXELS) > 70


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_file_is_judged_as_it_is(name: str) -> None:
    assert read_instance(str(SHIPPED[name])).flaw == FLAWED.get(name)


@pytest.mark.parametrize("name", [name for name in SHIPPED if FLAWED.get(name) is not Flaw.UNREADABLE])
def test_identity_and_text_are_what_pydicom_reads(name: str) -> None:
    dataset = reference(SHIPPED[name])
    instance = read_instance(str(SHIPPED[name]), KEYWORDS)
    assert instance.sop_instance_uid == dataset.get("SOPInstanceUID", "")
    assert instance.study_instance_uid == dataset.get("StudyInstanceUID", "")
    assert instance.series_instance_uid == dataset.get("SeriesInstanceUID", "")
    for keyword in KEYWORDS:
        value = dataset.get(keyword)
        values = value if isinstance(value, pydicom.multival.MultiValue) else [value]
        # pydicom leaves the padding of every value but the last.
        expected = "\\".join("" if each is None else str(each).strip() for each in values)
        assert instance.attributes[keyword] == expected


@pytest.mark.parametrize("name", WITH_PIXELS)
def test_pixels_cut_anywhere_are_not_whole(name: str, tmp_path: Path) -> None:
    content = SHIPPED[name].read_bytes()
    pixels = pixel_bytes(SHIPPED[name])
    chosen = random.Random(name).sample(pixels, min(25, len(pixels)))
    for position in {pixels[0], pixels[1], pixels[-2], pixels[-1], *chosen}:
        path = tmp_path / "cut.dcm"
        path.write_bytes(content[:position])
        assert read_instance(str(path)).flaw in {Flaw.TRUNCATED, Flaw.UNREADABLE}, position


@pytest.mark.parametrize(
    ("name", "bits_allocated"),
    [
        ("MR_small_RLE.dcm", b"\x28\x00\x00\x01US\x02\x00"),
        ("SC_rgb_small_odd_big_endian.dcm", b"\x00\x28\x01\x00US\x00\x02"),
        ("image_dfl.dcm", b"DICM"),
    ],
)
def test_an_image_cut_at_any_byte_behind_its_description_is_not_whole(
    name: str, bits_allocated: bytes, tmp_path: Path
) -> None:
    content = SHIPPED[name].read_bytes()
    path = tmp_path / "cut.dcm"
    described = content.index(bits_allocated) + len(bits_allocated) + 2
    for position in range(described, pixel_bytes(SHIPPED[name])[-1] + 1):
        path.write_bytes(content[:position])
        assert read_instance(str(path)).flaw is not None, position
