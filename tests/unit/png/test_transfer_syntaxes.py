"""Every image that pydicom ships, and encodings that it does not ship, against other people's decoders."""

import base64
import io
import shutil
import subprocess
import warnings
from pathlib import Path
from typing import Any

import jpeg_ls  # type: ignore[import-untyped] # ships no type information
import numpy as np
import pydicom
import pydicom.data
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.pixels.processing import apply_modality_lut
from pydicom.uid import (
    HTJ2K,
    UID,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    JPEG2000Lossless,
    JPEGLSLossless,
    JPEGTransferSyntaxes,
    RLELossless,
)

from niffler_ops.png import CannotRenderError, Facts, Rendering, Values, frames
from tests.support.dicomfiles import encode
from tests.unit.png.conftest import Draw, Levels, levels_of
from tests.unit.png.test_colours import coloured
from tests.unit.png.test_scaling import grey

FOLDER = Path(pydicom.data.__file__).parent / "test_files"


def reference(path: Path) -> pydicom.FileDataset:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pydicom.dcmread(path)


SHIPPED = {
    path.relative_to(FOLDER).as_posix(): path
    for path in sorted(FOLDER.rglob("*"))
    if path.is_file() and path.read_bytes()[128:132] == b"DICM" and "Rows" in reference(path)
}
REFUSED = {
    # The codec is not under a licence that we may depend on.
    "JPEG-lossy.dcm": "JPEG Extended .* 12 bits stored",
    "JPGExtended.dcm": "JPEG Extended .* 12 bits stored",
    # Broken on purpose, and by nobody decoded.
    "JPEG2000-embedded-sequence-delimiter.dcm": "frame 1 has another size",
    "MR_truncated.dcm": "ends within frame 1",
}
NOT_BY_PYDICOM = "badVR.dcm"  # its number of frames is "1A", which everybody else reads as one
PICTURES = [name for name in SHIPPED if name not in REFUSED and "PixelData" in reference(SHIPPED[name])]


def expected_grey(values: NDArray[np.float64], facts: Facts) -> NDArray[np.float64]:
    """Levels by the formulas as they are printed, from the modality's values."""
    largest = (1 << facts.bits) - 1
    if facts.voi == "LINEAR":
        assert facts.center is not None
        assert facts.width is not None
        share = (values - (facts.center - 0.5)) / (facts.width - 1) + 0.5
    else:
        share = (values - values.min()) / (values.max() - values.min())
    levels = np.floor(np.clip(share, 0, 1) * largest + 0.5)
    return largest - levels if facts.inverted else levels


def expected(dataset: Dataset, facts: Facts) -> NDArray[np.float64]:
    """All frames, by pydicom's decoding and processing; colours in 8 bits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pixels = dataset.pixel_array
        if dataset.PhotometricInterpretation == "PALETTE COLOR":
            pixels = pydicom.pixels.processing.apply_color_lut(pixels, dataset)
        elif dataset.SamplesPerPixel == 1:
            return expected_grey(apply_modality_lut(pixels, dataset).astype(np.float64), facts)
    return (pixels >> (pixels.dtype.itemsize * 8 - 8)).astype(np.float64)


@pytest.mark.parametrize("name", [name for name in PICTURES if name != NOT_BY_PYDICOM])
def test_a_shipped_image_is_drawn_as_pydicom_reads_it(name: str) -> None:
    dataset = reference(SHIPPED[name])
    drawn = list(frames(SHIPPED[name], Rendering()))
    number = int(dataset.get("NumberOfFrames") or 1)
    assert [frame.number for frame in drawn] == list(range(1, number + 1))
    read = np.stack([levels_of(frame.png) for frame in drawn]).astype(int)
    # Colours of JPEG are converted by libjpeg here and by a matrix there.
    lossy = dataset.file_meta.TransferSyntaxUID in JPEGTransferSyntaxes and dataset.SamplesPerPixel == 3
    wanted = expected(dataset, drawn[0].facts).reshape(read.shape)
    assert np.abs(read - wanted).max() <= (2 if lossy else 0)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_decoded_is_named(name: str) -> None:
    with pytest.raises(CannotRenderError, match=REFUSED[name]):
        list(frames(SHIPPED[name], Rendering()))


COMMANDS = {
    "1.2.840.10008.1.2.4.50": "dcmj2pnm",
    "1.2.840.10008.1.2.4.70": "dcmj2pnm",
    "1.2.840.10008.1.2.4.80": "dcml2pnm",
    "1.2.840.10008.1.2.4.81": "dcml2pnm",
}
OPTIONS = {"LINEAR": ["+Wi", "1"], "RANGE": ["+Wm"], "": []}
NOT_BY_DCMTK = {
    "SC_rgb_jpeg.dcm",  # it wants what stands behind the picture's last byte
    "rtdose_expb.dcm",  # it takes 32 bits for two words of 16, each turned by itself
    "rtdose_expb_1frame.dcm",
    "rtdose.dcm",  # it takes the range of each frame
    "rtdose_rle.dcm",
}


def by_dcmtk(path: Path, *options: str, bits: int = 8) -> Levels:
    """What dcm2pnm, or the command of its family that knows the encoding, draws."""
    syntax = str(reference(path).file_meta.TransferSyntaxUID)
    kind = "+op" if bits == 8 else "+opw"
    command = [COMMANDS.get(syntax, "dcm2pnm"), "-q", "-O", *options, kind, str(path)]
    output = subprocess.run(command, capture_output=True, check=True, timeout=60).stdout
    with Image.open(io.BytesIO(output)) as drawn:
        return np.asarray(drawn).astype(int)


needs_dcmtk = pytest.mark.skipif(
    shutil.which("dcm2pnm") is None, reason="dcm2pnm is missing: apt-get install dcmtk"
)


@pytest.mark.dcmtk
@needs_dcmtk
@pytest.mark.parametrize(
    "name",
    [
        name
        for name in PICTURES
        if name not in NOT_BY_DCMTK
        and "JPEG 2000" not in reference(SHIPPED[name]).file_meta.TransferSyntaxUID.name
    ],
)
def test_a_shipped_image_is_drawn_as_dcmtk_draws_it(name: str) -> None:
    frame = next(frames(SHIPPED[name], Rendering()))
    drawn = levels_of(frame.png).astype(int)
    # It cuts what we round.
    assert np.abs(drawn - by_dcmtk(SHIPPED[name], *OPTIONS[frame.facts.voi])).max() <= 1


@pytest.mark.dcmtk
@needs_dcmtk
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
@pytest.mark.parametrize("shape", [None, "IDENTITY", "INVERSE"])
@pytest.mark.parametrize(
    ("described", "options"),
    [
        ({}, ["+Wm"]),
        ({"WindowCenter": 1000, "WindowWidth": 800}, ["+Wi", "1"]),
        ({"WindowCenter": 1000, "WindowWidth": 1}, ["+Wi", "1"]),
        (
            {"WindowCenter": 100, "WindowWidth": 900, "RescaleSlope": 2, "RescaleIntercept": -1500},
            ["+Wi", "1"],
        ),
        ({"WindowCenter": 1000, "WindowWidth": 800, "VOILUTFunction": "SIGMOID"}, ["+Wi", "1", "+Wfs"]),
    ],
)
def test_windows_and_polarity_are_dcmtks(
    photometric: str, shape: str | None, described: dict[str, Any], options: list[str], tmp_path: Path
) -> None:
    dataset = grey(list(range(0, 4096, 5)), kind="<u2", BitsStored=12, HighBit=11, **described)
    dataset.PhotometricInterpretation = photometric
    if shape:
        dataset.PresentationLUTShape = shape
    path = tmp_path / "image.dcm"
    path.write_bytes(encode(dataset))
    for bits in (8, 16):
        frame = next(frames(path, Rendering(bits=8 if bits == 8 else 16)))
        assert np.abs(levels_of(frame.png).astype(int) - by_dcmtk(path, *options, bits=bits)).max() <= 1


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("signed", [0, 1])
def test_bits_beside_the_stored_ones_are_not_the_images_in_codestreams_either(
    syntax: str, signed: int, tmp_path: Path
) -> None:
    values = np.arange(4096).reshape(64, 64) - 2048 * signed
    overlaid = (values & 0xFFF) | (values % 3 == 0) << 12
    drawn = list[Levels]()
    for words in (values, overlaid):
        dataset = grey(
            (words.ravel() & 0xFFFF).tolist(), kind="<u2", Rows=64, Columns=64, BitsStored=16, HighBit=15
        )
        dataset.PixelRepresentation = signed
        dataset.WindowCenter, dataset.WindowWidth = 2048 - 2048 * signed, 4096
        path = tmp_path / "image.dcm"
        path.write_bytes(encode(dataset))
        compressed = pydicom.dcmread(path)
        compressed.compress(syntax, generate_instance_uid=False)
        compressed.BitsStored, compressed.HighBit = 12, 11
        compressed.save_as(path)
        drawn.append(levels_of(next(frames(path, Rendering())).png))
    assert np.array_equal(drawn[0], drawn[1])
    assert len(np.unique(drawn[0])) == 256


# 8 x 8 pixels, i x 37 modulo 4096, by OpenJPH 0.9: reversible, the same in RPCL order, and irreversible.
HIGH_THROUGHPUT = {
    HTJ2KLossless: (
        "/0//UQApQAAAAAAIAAAACAAAAAAAAAAAAAAACAAAAAgAAAAAAAAAAAABCwEB/1AACAACAAAAB/9SAAwAAgABAAEEBE"
        "AB/1wAByBwcHB4/2QAFgABT3BlbkpQSCBWZXIgMC45LjAu/5AACgAAAAAASQAB/5PAAW8A/3+1a7+sa98oxpH59WJW"
        "fI/LjiGeQPgAGiEAMbcAwAFRAAVYCIIgqnCCdQBOOnHi5MBCAey2AP/Z"
    ),
    HTJ2KLosslessRPCL: (
        "/0//UQApQAAAAAAIAAAACAAAAAAAAAAAAAAACAAAAAgAAAAAAAAAAAABCwEB/1AACAACAAAAB/9SAAwAAgABAAEEBE"
        "AB/1wAByBwcHB4/2QAFgABT3BlbkpQSCBWZXIgMC45LjAu/5AACgAAAAAASQAB/5PAAW8A/3+1a7+sa98oxpH59WJW"
        "fI/LjiGeQPgAGiEAMbcAwAFRAAVYCIIgqnCCdQBOOnHi5MBCAey2AP/Z"
    ),
    HTJ2K: (
        "/0//UQApQAAAAAAIAAAACAAAAAAAAAAAAAAACAAAAAgAAAAAAAAAAAABCwEB/1AACAACAAAAJP9SAAwAAgABAAEEBE"
        "AA/1wACyJYVlgaWBpnv/9kABYAAU9wZW5KUEggVmVyIDAuOS4wLv+QAAoAAAAAAE4AAf+TwAtwQU914BUFO02dh/xc"
        "TsCn/FrGnBn8ABoYwDG3AMAKqAFogEqYmpBZJaabdgCiECLjZ/gZn/EAhApukmo4AP/Z"
    ),
}
# 8 x 8 colours, i x 5 modulo 256, reversible with colour transformation.
HIGH_THROUGHPUT_COLOURS = (
    "/0//UQAvQAAAAAAIAAAACAAAAAAAAAAAAAAACAAAAAgAAAAAAAAAAAADBwEBBwEBBwEB/1AACAACAAAABP9SAAwAAg"
    "ABAQEEBEAB/1wAByBYWFhg/2QAFgABT3BlbkpQSCBWZXIgMC45LjAu/5AACgAAAAAAsgAB/5PAC1BltpgCsBEkBpPD"
    "F+eEzhFMEEG2AMAK0EAEAAARAPAD1l8xtgDAC0xJxBQpSRIEdErCJMkCo5wQ1ZcAwAroAWvABVDe3cDZc/kcORmadP"
    "iWAB4eHHz9Dfz9Xx5+3i0c/N00Q4QgZzcA/vM+rwQ7gAp2AADACtgBXwAVYH+ePfx7/Hv9IiMAlQD/X9/fff8/nwC7"
    "kEF/lwD/P35+fwQHiAp2AP/Z"
)


def compressed(dataset: Dataset, *codestreams: bytes) -> Dataset:
    dataset.PixelData = encapsulate(list(codestreams))
    dataset["PixelData"].VR = "OB"
    return dataset


@pytest.mark.parametrize("syntax", HIGH_THROUGHPUT)
def test_high_throughput_jpeg_2000(syntax: UID, draw: Draw) -> None:
    dataset = grey([0] * 64, kind="<u2", Rows=8, Columns=8, BitsStored=12, HighBit=11)
    codestream = base64.b64decode(HIGH_THROUGHPUT[syntax])
    drawn = draw(compressed(dataset, codestream), syntax, values=Values.RAW).astype(int).reshape(-1)
    assert np.abs(drawn - np.arange(64) * 37 % 4096).max() <= (4 if syntax == HTJ2K else 0)


def test_high_throughput_colours(draw: Draw) -> None:
    dataset = coloured([[0, 0, 0]] * 64, Rows=8, Columns=8, PhotometricInterpretation="YBR_RCT")
    codestream = base64.b64decode(HIGH_THROUGHPUT_COLOURS)
    drawn = draw(compressed(dataset, codestream), HTJ2KLossless)
    assert drawn.reshape(-1).tolist() == [index * 5 % 256 for index in range(192)]


@pytest.mark.parametrize("bits", [7, 8, 12, 16])
@pytest.mark.parametrize("signed", [0, 1])
def test_jpeg_ls_of_signed_and_odd_numbers_of_bits(bits: int, signed: int, draw: Draw) -> None:
    kind = "u1" if bits <= 8 else "<u2"
    stored = np.random.default_rng(bits).integers(0, 1 << bits, (60, 90)).astype(kind)
    codestream = bytes(jpeg_ls.encode_array(stored))
    # The precision that the encoder takes from the largest value is stated as it should be.
    position = codestream.index(b"\xff\xf7") + 4
    assert codestream[position] == bits
    dataset = grey([0] * 5400, kind="<u2", Rows=60, Columns=90, PixelRepresentation=signed)
    dataset.BitsStored, dataset.HighBit = bits, bits - 1
    dataset.BitsAllocated = 8 if bits <= 8 else 16
    values = stored.astype(int)
    if signed:
        values -= (values >= 1 << (bits - 1)) * (1 << bits)
    dataset.WindowCenter, dataset.WindowWidth, dataset.VOILUTFunction = 0, 1 << (bits + 1), "LINEAR_EXACT"
    shares = values / (1 << (bits + 1)) + 0.5
    drawn = draw(compressed(dataset, codestream), JPEGLSLossless, bits=16)
    assert drawn.tolist() == np.floor(shares * 65535 + 0.5).astype(int).tolist()


def test_a_jpeg_ls_that_was_cut_is_refused_at_once(draw: Draw) -> None:
    codestream = next(generate_frames(reference(SHIPPED["MR_small_jpeg_ls_lossless.dcm"]).PixelData))
    dataset = grey([0] * 4096, Rows=64, Columns=64)
    with pytest.raises(CannotRenderError, match="frame 1 is cut"):
        draw(compressed(dataset, codestream[: len(codestream) // 2]), JPEGLSLossless)
