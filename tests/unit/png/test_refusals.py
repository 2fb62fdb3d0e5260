"""What cannot become a picture is named, and nothing else is raised, whatever the bytes are."""

import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian

from niffler_ops.png import CannotRenderError, Rendering, frames
from tests.support.dicomfiles import encode, identity, image
from tests.unit.png.test_transfer_syntaxes import SHIPPED

SMALL = [name for name, path in SHIPPED.items() if path.stat().st_size < 60_000 and "dicomdir" not in name]


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[..., str]:
    """Why the file of these bytes, or of a data set, is refused."""

    def refuse(content: bytes | Dataset, syntax: str = ExplicitVRLittleEndian) -> str:
        path = tmp_path / "image.dcm"
        path.write_bytes(content if isinstance(content, bytes) else encode(content, syntax))
        with pytest.raises(CannotRenderError) as refused:
            list(frames(path, Rendering()))
        return str(refused.value)

    return refuse


def test_what_is_no_dicom_file(refusal: Callable[..., str]) -> None:
    assert refusal(b"") == "not a DICOM file"
    assert refusal(b"\x89PNG" * 100) == "not a DICOM file"


def test_what_has_no_pixels(refusal: Callable[..., str]) -> None:
    assert refusal(identity()) == "there are no pixels"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"Rows": 0}, "Rows or Columns is 0"),
        ({"Rows": None}, "Rows is missing"),
        ({"BitsAllocated": 12}, "12 bits stored in 12"),
        ({"BitsStored": 17}, "17 bits stored in 16"),
        ({"SamplesPerPixel": 2}, "2 samples a pixel with MONOCHROME2"),
        ({"PhotometricInterpretation": "RGB"}, "RGB photometric interpretation"),
        ({"PhotometricInterpretation": "DOE JANE"}, "unknown photometric interpretation"),
        ({"Rows": 400}, "the pixel data is shorter than Rows, Columns and NumberOfFrames say"),
    ],
)
def test_descriptions_that_make_no_sense(
    refusal: Callable[..., str], changed: dict[str, Any], reason: str
) -> None:
    assert refusal(image(**changed)) == reason


@pytest.mark.parametrize(
    ("syntax", "name"),
    [
        ("1.2.840.10008.1.2.4.102", "MPEG-4 AVC/H.264 High Profile / Level 4.1 (1.2.840.10008.1.2.4.102)"),
        ("1.2.3.4.5", "a transfer syntax that nobody registered"),
    ],
)
def test_transfer_syntaxes_without_decoder_are_named(
    refusal: Callable[..., str], syntax: str, name: str
) -> None:
    assert refusal(encode(image(), meta={"TransferSyntaxUID": syntax})) == f"no decoder for {name}"


def test_a_file_that_does_not_say_its_transfer_syntax(refusal: Callable[..., str]) -> None:
    assert "transfer syntax" in refusal(encode(image(), meta={"TransferSyntaxUID": None}))


def test_a_file_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        next(frames(tmp_path / "nothing.dcm", Rendering()))


@pytest.mark.parametrize("name", SMALL)
def test_damaged_files_are_drawn_or_refused(name: str, tmp_path: Path) -> None:
    content = SHIPPED[name].read_bytes()
    chance = random.Random(name)
    path = tmp_path / "damaged.dcm"
    for _ in range(15):
        damaged = bytearray(content[: chance.randrange(132, len(content) + 1)])
        for _ in range(chance.randrange(4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            list(frames(path, Rendering()))
        except CannotRenderError as refused:
            assert str(refused)  # noqa: PT017 - being drawn is as good


def test_refusals_repeat_nothing_of_the_patient(refusal: Callable[..., str]) -> None:
    dataset = image(Rows=400)
    dataset.PatientName, dataset.PatientID = "SECRET^NAME", "SECRET"
    assert "SECRET" not in refusal(dataset)


def test_nothing_is_warned_about(tmp_path: Path) -> None:
    """Warnings are errors in these tests: a value that is not what its VR allows must not raise one."""
    path = tmp_path / "image.dcm"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = image(WindowCenter="1", WindowWidth="2", PixelAspectRatio=[1, 2])
        dataset.PatientBirthDate = "not a date"
        dataset.ImageType = "x" * 40
        path.write_bytes(encode(dataset))
    assert pydicom.config.settings.reading_validation_mode == pydicom.config.WARN
    assert len(list(frames(path, Rendering()))) == 1
