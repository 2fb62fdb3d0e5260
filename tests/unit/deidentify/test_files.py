"""DICOM files in and out: nothing of the original but what may pass, and the pixels bit by bit."""

import os
import re
import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, JPEGLSLossless, RLELossless

from niffler_ops.deidentify import Options, writing
from niffler_ops.deidentify.deidentifier import Deidentifier
from niffler_ops.deidentify.pseudonyms import Pseudonyms
from niffler_ops.deidentify.regions import Region
from niffler_ops.deidentify.writing import Held, Unreadable, Written, deidentify_file
from tests.support.dicomfiles import encode, image
from tests.unit.deidentify.onefile import run, written

SHIPPED = Path(pydicom.__file__).parent / "data" / "test_files"
IMPLICIT, EXPLICIT, BIG = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
NATIVE = [IMPLICIT, EXPLICIT, BIG, DEFLATED]
CORNER = "LABEL ours\n  equals Modality XX\n  coordinates 1,0,3,2"


@pytest.fixture
def blanking(tmp_path: Path, pseudonyms: Pseudonyms) -> Deidentifier:
    """Blanks columns 1 and 2 of rows 0 and 1 where Modality is XX."""
    path = tmp_path / "own.recipe"
    path.write_text(f"%filter graylist\n{CORNER}\n")
    return Deidentifier(Options(), pseudonyms, recipe=path)


def test_a_file_whose_uid_is_taken_is_tried_and_leaves_the_one_of_that_name(
    tmp_path: Path, deidentifier: Deidentifier
) -> None:
    first = run(tmp_path, deidentifier, encode(image(Modality="CT")))
    assert isinstance(first, Written)
    content, inode = first.path.read_bytes(), first.path.stat().st_ino
    source = tmp_path / "second.dcm"
    source.write_bytes(encode(image(Modality="MR")))
    second = deidentify_file(
        source, tmp_path / "out", deidentifier, is_taken=lambda uid: uid == first.path.stem
    )
    assert isinstance(second, Written)
    assert second.path == first.path
    assert (first.path.read_bytes(), first.path.stat().st_ino) == (content, inode)
    assert list(first.path.parent.iterdir()) == [first.path]


@pytest.mark.parametrize("syntax", NATIVE)
def test_a_file_is_written_at_its_pseudonymous_place(
    tmp_path: Path, deidentifier: Deidentifier, pseudonyms: Pseudonyms, syntax: str
) -> None:
    source = image(PatientName="Mustermann^Erika", StudyDate="20200305")
    result = run(tmp_path, deidentifier, encode(source, syntax))
    assert isinstance(result, Written)
    study, series, instance = (pseudonyms.uid(uid) for uid in ("1.2", "1.2.3", "1.2.3.4"))
    assert result.path == tmp_path / "out" / study / series / f"{instance}.dcm"
    assert result.path.stat().st_mode & 0o777 == 0o600
    content = dcmread(result.path)
    assert content.PixelData == source.PixelData
    assert content.SOPInstanceUID == content.file_meta.MediaStorageSOPInstanceUID == instance
    assert content.file_meta.TransferSyntaxUID == (EXPLICIT if syntax == DEFLATED else syntax)
    assert b"ustermann" not in result.path.read_bytes()
    assert ("SOPInstanceUID", "1.2.3.4", instance) in result.links


def test_preamble_ae_titles_and_what_follows_the_pixels_are_gone(
    tmp_path: Path, deidentifier: Deidentifier
) -> None:
    meta = {"SourceApplicationEntityTitle": "MUSTERMANN", "ImplementationVersionName": "MUSTERMANN"}
    content = bytearray(encode(image(), meta=meta, tail=b"\xfc\xff\xfc\xffOB\0\0\x0a\0\0\0MUSTERMANN"))
    content[:10] = b"MUSTERMANN"
    result = run(tmp_path, deidentifier, bytes(content))
    assert isinstance(result, Written)
    assert b"MUSTERMANN" not in result.path.read_bytes()
    assert result.path.read_bytes()[:128] == bytes(128)


@pytest.mark.parametrize("name", sorted(path.name for path in SHIPPED.glob("*.dcm")))
def test_shipped_files_keep_their_pixels_and_lose_their_patient(
    tmp_path: Path, deidentifier: Deidentifier, name: str
) -> None:
    result = deidentify_file(SHIPPED / name, tmp_path, deidentifier)
    if not isinstance(result, Written):
        assert not list(tmp_path.rglob("*.dcm")) + list(tmp_path.rglob(".*"))
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before, after = dcmread(SHIPPED / name), dcmread(result.path)
        assert str(after)
        assert str(before.get("PatientID") or "?") not in str(after)
        if "PixelData" in before and not result.regions:
            assert after.PixelData == before.PixelData


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize(
    "shape",
    [
        {},
        {"NumberOfFrames": 2},
        {"SamplesPerPixel": 3, "PlanarConfiguration": 0},
        {"SamplesPerPixel": 3, "PlanarConfiguration": 1},
    ],
)
@pytest.mark.parametrize("bits", [8, 16])
def test_native_pixels_lose_their_regions_and_nothing_else(
    tmp_path: Path, blanking: Deidentifier, syntax: str, shape: dict[str, Any], bits: int
) -> None:
    count = 4 * 6 * shape.get("SamplesPerPixel", 1) * shape.get("NumberOfFrames", 1)
    values = np.arange(1, count + 1, dtype=f"{'>' if syntax == BIG else '<'}u{bits // 8}")
    colour: dict[str, Any] = {"PhotometricInterpretation": "RGB"} if "SamplesPerPixel" in shape else {}
    source = image(pixels=values.tobytes(), BitsAllocated=bits, Modality="XX", **shape, **colour)
    source.BitsStored, source.HighBit = bits, bits - 1
    result = written(tmp_path, blanking, encode(source, syntax))
    expected, found = dcmread(tmp_path / "source.dcm").pixel_array.copy(), result.pixel_array
    frames = expected if "NumberOfFrames" in shape else expected[None]
    frames[:, 0:2, 1:3] = 0
    assert (found == expected).all()
    assert result.BurnedInAnnotation == "NO"
    assert "113101" in {code.CodeValue for code in result.DeidentificationMethodCodeSequence}


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize("samples", [1, 3])
def test_compressed_pixels_are_decoded_to_lose_their_regions(
    tmp_path: Path, blanking: Deidentifier, syntax: str, frames: int, samples: int
) -> None:
    values = np.arange(32 * 48 * samples * frames) % 251
    source = image(pixels=values.astype("u1").tobytes(), Modality="XX", BitsAllocated=8)
    source.NumberOfFrames, source.Rows, source.Columns = frames, 32, 48
    source.BitsStored, source.HighBit = 8, 7
    if samples == 3:
        source.SamplesPerPixel, source.PlanarConfiguration, source.PhotometricInterpretation = 3, 0, "RGB"
    plain = dcmread_bytes(encode(source))
    compressed = dcmread_bytes(encode(source))
    compressed.compress(syntax, generate_instance_uid=False)
    path = tmp_path / "compressed.dcm"
    compressed.save_as(path)
    result = deidentify_file(path, tmp_path / "out", blanking)
    assert isinstance(result, Written)
    assert result.regions == (Region(1, 0, 3, 2),)
    after = dcmread(result.path)
    expected = plain.pixel_array.copy()
    (expected if frames > 1 else expected[None])[:, 0:2, 1:3] = 0
    assert after.file_meta.TransferSyntaxUID == EXPLICIT
    assert (after.pixel_array == expected).all()


def dcmread_bytes(content: bytes) -> Dataset:
    return dcmread(pydicom.filebase.DicomBytesIO(content))


def test_subsampled_colour_is_blanked_to_black(tmp_path: Path, blanking: Deidentifier) -> None:
    source = image(pixels=bytes([200]) * 4 * 6 * 2, Modality="XX", BitsAllocated=8, SamplesPerPixel=3)
    source.PhotometricInterpretation, source.BitsStored, source.HighBit = "YBR_FULL_422", 8, 7
    source.PlanarConfiguration = 0
    result = written(tmp_path, blanking, encode(source))
    frame = np.frombuffer(result.PixelData, "u1").reshape(4, 3, 4)
    assert (frame[0:2, 0:2] == [0, 0, 128, 128]).all()
    assert (frame[2:] == 200).all()
    assert (frame[:, 2] == 200).all()


@pytest.mark.parametrize("syntax", NATIVE)
@pytest.mark.parametrize("photometric", ["YBR_FULL_422", "YBR_PARTIAL_422"])
@pytest.mark.parametrize("frames", [None, 3])
@pytest.mark.parametrize("planar", [0, 1])
def test_colours_that_share_no_chrominance_though_they_say_so_are_blanked_in_every_frame(
    tmp_path: Path, blanking: Deidentifier, syntax: str, photometric: str, frames: int | None, planar: int
) -> None:
    source = image(pixels=bytes([200]) * 4 * 6 * 3 * (frames or 1), Modality="XX", SamplesPerPixel=3)
    source.BitsAllocated = source.BitsStored = 8
    source.HighBit, source.PhotometricInterpretation, source.PlanarConfiguration = 7, photometric, planar
    source["PixelData"].VR = "OB"
    if frames:
        source.NumberOfFrames = frames
    result = written(tmp_path, blanking, encode(source, syntax))
    found = np.frombuffer(result.PixelData, "u1")
    shape = (frames or 1, 3, 4, 6) if planar else (frames or 1, 4, 6, 3)
    found = np.moveaxis(found.reshape(shape), 1, -1) if planar else found.reshape(shape)
    assert (found[:, 0:2, 1:3] == [0, 128, 128]).all()
    assert (found[:, 2:] == 200).all()
    assert (found[:, :, [0, 3, 4, 5]] == 200).all()


COLOURS = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
SHARED = COLOURS | {"PhotometricInterpretation": "YBR_FULL_422"}


@pytest.mark.parametrize(
    ("length", "elements"),
    [
        (24, {"BitsAllocated": 16}),
        (48, {"BitsAllocated": 8}),
        (48, {"BitsAllocated": 8, "PhotometricInterpretation": "PALETTE COLOR"}),
        (26, {"BitsAllocated": 8}),
        (0, {"BitsAllocated": 8}),
        (72, {"BitsAllocated": 8, "NumberOfFrames": 2}),
        (72, {"BitsAllocated": 8}),
        (24, COLOURS | {"BitsAllocated": 8}),
        (72, COLOURS | {"BitsAllocated": 8, "SamplesPerPixel": None}),
        (72, COLOURS | {"BitsAllocated": 8, "PlanarConfiguration": 2}),
        (72, COLOURS | {"BitsAllocated": 8, "PlanarConfiguration": [0, 0]}),
        (36, SHARED | {"BitsAllocated": 8, "PhotometricInterpretation": "YBR_PARTIAL_420"}),
        (48, SHARED | {"BitsAllocated": 8, "PlanarConfiguration": 1}),
        (40, SHARED | {"BitsAllocated": 8, "Columns": 5}),
        (50, SHARED | {"BitsAllocated": 8}),
        (36, {"BitsAllocated": 12}),
        (4, {"BitsAllocated": 1}),
        (24, {"BitsAllocated": None}),
        (24, {"BitsAllocated": [8, 8]}),
    ],
)
@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
def test_regions_of_pixels_that_are_not_as_long_as_the_header_says_hold_the_file(
    tmp_path: Path, blanking: Deidentifier, syntax: str, length: int, elements: dict[str, Any]
) -> None:
    source = image(pixels=bytes([200]) * length, Modality="XX", **elements)
    result = run(tmp_path, blanking, encode(source, syntax))
    assert isinstance(result, Held)
    assert result.rule.startswith("region-not-blanked: ")
    assert not list((tmp_path / "out").rglob("*.dcm"))


def test_one_byte_of_padding_after_the_pixels_is_no_part_of_them(
    tmp_path: Path, blanking: Deidentifier
) -> None:
    source = image(pixels=bytes([200]) * 15 + b"\7", Modality="XX", BitsAllocated=8, Rows=3, Columns=5)
    result = written(tmp_path, blanking, encode(source))
    expected = np.full((3, 5), 200)
    expected[0:2, 1:3] = 0
    assert result.PixelData == bytes(expected.astype("u1")) + b"\0"


@pytest.mark.parametrize(("keyword", "kind"), [("FloatPixelData", "<f4"), ("DoubleFloatPixelData", "<f8")])
@pytest.mark.parametrize("allocated", [16, 32, 64, None])
@pytest.mark.parametrize("syntax", [EXPLICIT, DEFLATED])
def test_floating_point_pixels_are_blanked_whatever_bits_allocated_says(
    tmp_path: Path, blanking: Deidentifier, keyword: str, kind: str, allocated: int | None, syntax: str
) -> None:
    source = image(Modality="XX", BitsAllocated=allocated, PixelData=None)
    setattr(source, keyword, np.full(24, 0.5, kind).tobytes())
    result = written(tmp_path, blanking, encode(source, syntax))
    expected = np.full((4, 6), 0.5)
    expected[0:2, 1:3] = 0
    assert (np.frombuffer(result[keyword].value, kind).reshape(4, 6) == expected).all()


def test_an_overlay_hidden_in_the_pixels_is_wiped_out(tmp_path: Path, deidentifier: Deidentifier) -> None:
    values = np.full(24, 0xF123, "<u2")
    source = image(pixels=values.tobytes(), BitsStored=12, HighBit=11)
    source.add_new(0x60000102, "US", 12)
    result = written(tmp_path, deidentifier, encode(source))
    assert (np.frombuffer(result.PixelData, "<u2") == 0x0123).all()


@pytest.mark.parametrize("syntax", [JPEGLSLossless, JPEG2000Lossless])
@pytest.mark.parametrize("frames", [1, 2])
def test_compressed_frames_of_another_size_hold_the_file(
    tmp_path: Path, blanking: Deidentifier, syntax: str, frames: int
) -> None:
    source = image(pixels=bytes(32 * 48 * frames), Modality="XX", rows=32, columns=48, BitsAllocated=8)
    source.BitsStored, source.HighBit, source.NumberOfFrames = 8, 7, frames
    compressed = dcmread_bytes(encode(source))
    compressed.compress(syntax, generate_instance_uid=False)
    compressed.Rows, compressed.Columns = 48, 32
    path = tmp_path / "compressed.dcm"
    compressed.save_as(path)
    result = deidentify_file(path, tmp_path / "out", blanking)
    assert isinstance(result, Held)
    assert result.rule.startswith("region-not-blanked: ")
    assert "another size" in result.rule


def test_what_cannot_be_decoded_is_held(tmp_path: Path, blanking: Deidentifier) -> None:
    source = image(pixels=encapsulate([b"no jpeg at all"]), Modality="XX", BitsAllocated=8)
    source.BitsStored, source.HighBit = 8, 7
    result = run(tmp_path, blanking, encode(source, JPEGBaseline8Bit))
    assert isinstance(result, Held)
    assert result.rule.startswith("region-not-blanked: ")
    assert "JPEG Baseline" in result.rule
    assert not list((tmp_path / "out").rglob("*.dcm"))


def test_a_held_file_is_not_written(
    tmp_path: Path, deidentifier: Deidentifier, pseudonyms: Pseudonyms
) -> None:
    result = run(tmp_path, deidentifier, encode(image(BurnedInAnnotation="YES")))
    assert isinstance(result, Held)
    assert result.rule.startswith("burned-in-annotation: ")
    assert result.sop_instance_uid == pseudonyms.uid("1.2.3.4")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "no DICOM file"),
        (b"hello", "no DICOM file"),
        (bytes(128) + b"DICM", "cannot be read|cut short"),
        (encode(image())[:-10], "cut short"),
        (encode(image())[:400], "cut short|is missing"),
        (encode(image(PixelData=encapsulate([b"ab" * 50])), RLELossless)[:-40], "cut short"),
        (encode(image(StudyInstanceUID=None)), "is missing"),
    ],
)
def test_what_is_no_whole_file_is_named_and_leaves_nothing(
    tmp_path: Path, deidentifier: Deidentifier, content: bytes, reason: str
) -> None:
    result = run(tmp_path, deidentifier, content)
    assert isinstance(result, Unreadable)
    assert re.search(reason, result.reason)
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


def test_what_is_no_file_is_named(tmp_path: Path, deidentifier: Deidentifier) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name, reason in (("absent", "cannot be opened"), ("pipe", "no regular file"), (".", "")):
        result = deidentify_file(tmp_path / name, tmp_path / "out", deidentifier)
        assert isinstance(result, Unreadable)
        assert reason in result.reason


def test_a_disk_that_is_full_is_no_fault_of_the_file(
    tmp_path: Path, deidentifier: Deidentifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing, "rename", full)
    with pytest.raises(OSError, match="No space left"):
        run(tmp_path, deidentifier, encode(image()))
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file()]


@pytest.mark.parametrize("modality", ["CT", "XX"])
def test_a_large_file_needs_little_memory(tmp_path: Path, blanking: Deidentifier, modality: str) -> None:
    frames, side = 100, 512
    source = image(pixels=b"", Modality=modality, Rows=side, Columns=side, NumberOfFrames=frames)
    content = encode(source)
    path = tmp_path / "large.dcm"
    length = frames * side * side * 2
    path.write_bytes(content[:-4] + length.to_bytes(4, "little"))
    os.truncate(path, len(content) + length)
    tracemalloc.start()
    try:
        assert isinstance(deidentify_file(path, tmp_path / "out", blanking), Written)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("stated", [IMPLICIT, EXPLICIT, BIG, DEFLATED, JPEGBaseline8Bit, "1.2.3.9", None])
@pytest.mark.parametrize("true", NATIVE)
def test_a_file_that_is_not_encoded_as_it_says_is_read_all_the_same_or_named(
    tmp_path: Path, deidentifier: Deidentifier, true: str, stated: str | None
) -> None:
    original = image(SeriesDescription="thorax", WindowCenter="40")
    result = run(tmp_path, deidentifier, encode(original, true, meta={"TransferSyntaxUID": stated}))
    if isinstance(result, Unreadable):
        # Neither says what the bytes are: a byte order or a compression can only be believed.
        assert re.search(r"byte order|zlib|cannot be read|cut short|is missing", result.reason)
        assert (true == BIG) != (stated == BIG) or (true == DEFLATED) != (stated == DEFLATED)
        return
    assert isinstance(result, Written)
    passed = dcmread(result.path)
    assert (passed.WindowCenter, passed.Rows) == (40, 4)
    assert passed["PixelData"].value == original.PixelData


@pytest.mark.parametrize("stated", [IMPLICIT, EXPLICIT, "1.2.3.9", "1.2.840.10008.1.1"])
def test_compressed_pixels_without_their_transfer_syntax_are_named(
    tmp_path: Path, deidentifier: Deidentifier, stated: str
) -> None:
    original = image(PixelData=encapsulate([b"ab" * 50]))
    content = encode(original, JPEGLSLossless, meta={"TransferSyntaxUID": stated})
    result = run(tmp_path, deidentifier, content)
    assert isinstance(result, Unreadable)
    assert result.reason == "its pixels are compressed, and its transfer syntax is none of such files"


def test_a_reason_repeats_nothing_of_the_header(tmp_path: Path, blanking: Deidentifier) -> None:
    content = encode(image(Modality="XX", PixelData=encapsulate([b"ab" * 50])), JPEGLSLossless)
    made = run(tmp_path, blanking, content)
    assert isinstance(made, Held)
    assert "JPEG-LS" in made.rule
    unknown = run(tmp_path, blanking, content.replace(JPEGLSLossless.encode(), b"1.2.840.10008.1.2.99.9"))
    assert isinstance(unknown, Held | Unreadable)
    assert "99.9" not in str(unknown)
