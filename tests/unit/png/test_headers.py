"""The quick header says what pydicom's says, or nothing."""

import io
import warnings
from pathlib import Path

import pydicom
import pydicom.data
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from niffler_ops.png.description import image_pixel
from niffler_ops.png.quick import quick_header
from niffler_ops.png.source import pixel_element
from tests.support.dicomfiles import encode, image

FOLDER = Path(pydicom.data.__file__).parent / "test_files"
SHIPPED = {
    path.relative_to(FOLDER).as_posix(): path
    for path in sorted(FOLDER.rglob("*"))
    if path.is_file() and path.read_bytes()[128:132] == b"DICM"
}
GROUPS = (0x0028, 0x2050)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_files_quick_header_is_pydicoms(name: str) -> None:
    with SHIPPED[name].open("rb") as stream, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quick = quick_header(stream)
        if quick is None:
            return
        position = stream.tell()
        stream.seek(0)
        full = pydicom.dcmread(stream, stop_before_pixels=True)
        assert position == stream.tell()
        for group in GROUPS:
            assert quick.group_dataset(group) == full.group_dataset(group)
        assert quick.file_meta.TransferSyntaxUID == full.file_meta.TransferSyntaxUID
        if "Rows" not in full:
            return
        stream.seek(position)
        element = pixel_element(quick, stream)
        assert image_pixel(quick, element.keyword) == image_pixel(full, element.keyword)


def test_most_images_are_read_quickly() -> None:
    quick = 0
    for path in SHIPPED.values():
        with path.open("rb") as stream:
            quick += quick_header(stream) is not None
    assert quick > 70


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("open_ended", [False, True])
def test_sequences_that_do_not_matter_are_passed_over(syntax: str, *, open_ended: bool) -> None:
    dataset = image(WindowCenter=7)
    inner = Dataset()
    inner.WindowCenter = 8
    inner.is_undefined_length_sequence_item = open_ended
    dataset.ReferencedImageSequence = Sequence([inner, inner])
    dataset["ReferencedImageSequence"].is_undefined_length = open_ended
    header = quick_header(io.BytesIO(encode(dataset, syntax)))
    assert header is not None
    assert header.WindowCenter == 7


@pytest.mark.parametrize(
    "keyword", ["VOILUTSequence", "ModalityLUTSequence", "SharedFunctionalGroupsSequence"]
)
def test_sequences_that_matter_are_left_to_pydicom(keyword: str) -> None:
    dataset = image()
    setattr(dataset, keyword, Sequence([Dataset()]))
    assert quick_header(io.BytesIO(encode(dataset))) is None


@pytest.mark.parametrize("length", [0, 100, 131, 132, 140, 300])
def test_what_ends_too_early_is_left_to_pydicom(length: int) -> None:
    assert quick_header(io.BytesIO(encode(image())[:length])) is None
