"""Whether pixels are as many as the header says, in every encoding; and what else must not pass."""

import itertools
import os
import struct
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from niffler_ops.headers import read_instance
from niffler_ops.model import Flaw, InstanceFile
from tests.support.dicomfiles import encode, identity, image

Read = Callable[..., InstanceFile]

NATIVE = [
    ImplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
]
REUSED = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@REUSED
@given(
    syntax=st.sampled_from(NATIVE),
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    samples=st.sampled_from([1, 3]),
    bits=st.sampled_from([8, 16, 32]),
    frames=st.sampled_from([None, 1, 2, 5]),
    missing=st.integers(-4, 40),
)
def test_native_pixels_are_whole_when_none_is_missing(
    read: Read,
    syntax: str,
    rows: int,
    columns: int,
    samples: int,
    bits: int,
    frames: int | None,
    missing: int,
) -> None:
    announced = rows * columns * samples * bits // 8 * (frames or 1)
    length = max(0, announced - missing)
    more: dict[str, Any] = {"NumberOfFrames": frames} if frames else {}
    content = encode(
        image(
            rows=rows,
            columns=columns,
            pixels=bytes(length + length % 2),
            SamplesPerPixel=samples,
            BitsAllocated=bits,
            **more,
        ),
        syntax,
    )
    whole = length + length % 2 >= announced
    assert read(content).flaw is (None if whole else Flaw.TRUNCATED)


@REUSED
@given(
    fragments=st.lists(st.binary(max_size=50).filter(bool), min_size=1, max_size=6), cut=st.integers(1, 40)
)
def test_encapsulated_pixels_are_whole_only_up_to_their_delimiter(
    read: Read, fragments: list[bytes], cut: int
) -> None:
    pixels = encapsulate(fragments, fragments_per_frame=1)
    content = encode(image(pixels=pixels, NumberOfFrames=len(fragments)), JPEGBaseline8Bit)
    assert read(content).flaw is None
    assert read(content[:-cut]).flaw is Flaw.TRUNCATED


@pytest.mark.parametrize("syntax", [*NATIVE, JPEGBaseline8Bit])
def test_what_follows_the_pixels_is_read_to_its_end(read: Read, syntax: str) -> None:
    dataset = image(pixels=encapsulate([b"\xff\xd8"]) if syntax is JPEGBaseline8Bit else None)
    dataset.DataSetTrailingPadding = bytes(20)
    content = encode(dataset, syntax)
    assert read(content).flaw is None
    for cut in range(1, 20):
        assert read(content[:-cut]).flaw is Flaw.TRUNCATED


def test_zeros_behind_the_pixels_are_padding(read: Read) -> None:
    assert read(encode(image(), tail=bytes(3))).flaw is None
    assert read(encode(image(), tail=bytes(512))).flaw is None


def test_zeros_in_place_of_elements_are_a_hole(read: Read) -> None:
    assert read(encode(identity(), tail=bytes(512))).flaw is Flaw.UNREADABLE


@pytest.mark.parametrize("syntax", NATIVE)
def test_an_object_without_pixels_is_whole_to_its_last_byte(read: Read, syntax: str) -> None:
    dataset = identity()
    dataset.ContentSequence = Sequence([identity(), identity()])
    content = encode(dataset, syntax)
    assert read(content).flaw is None
    for cut in range(1, 60):
        assert read(content[:-cut]).flaw is Flaw.TRUNCATED


@pytest.mark.parametrize("syntax", [*NATIVE, JPEGBaseline8Bit])
@pytest.mark.parametrize(("sequence", "items"), list(itertools.product([True, False], repeat=2)))
def test_sequences_are_passed_whichever_way_their_ends_are_marked(
    read: Read, syntax: str, *, sequence: bool, items: bool
) -> None:
    inner = image(pixels=b"\0" * 48)
    inner.is_undefined_length_sequence_item = items
    outer = identity()
    outer.IconImageSequence = Sequence([inner, inner])
    outer["IconImageSequence"].is_undefined_length = sequence
    outer.is_undefined_length_sequence_item = items
    dataset = image(pixels=encapsulate([b"\xff\xd8"]) if syntax is JPEGBaseline8Bit else None)
    dataset.ReferencedSeriesSequence = Sequence([outer])
    dataset["ReferencedSeriesSequence"].is_undefined_length = sequence
    instance = read(encode(dataset, syntax), "PatientID")
    assert (instance.flaw, instance.attributes["PatientID"]) == (None, "P1")


def test_a_sequence_of_unknown_vr_holds_implicit_elements(read: Read) -> None:
    item = struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + struct.pack("<HHL4s", 0x10, 0x20, 4, b"abcd")
    ends = struct.pack("<HHLHHL", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    unknown = struct.pack("<HH2sHL", 0x7FE1, 0x1010, b"UN", 0, 0xFFFFFFFF) + item + ends
    assert read(encode(identity(), tail=unknown)).flaw is None
    assert read(encode(identity(), tail=unknown[:-1])).flaw is Flaw.TRUNCATED


def test_a_data_set_encoded_otherwise_than_it_says_is_read_as_it_is(read: Read) -> None:
    for said, done in itertools.permutations([ImplicitVRLittleEndian, ExplicitVRLittleEndian]):
        assert read(encode(image(), done, meta={"TransferSyntaxUID": said})).flaw is None


def test_pixels_of_one_bit_are_packed_over_the_end_of_a_frame(read: Read) -> None:
    described: dict[str, Any] = {"rows": 3, "columns": 3, "BitsAllocated": 1, "NumberOfFrames": 3}
    assert read(encode(image(pixels=bytes(4), **described))).flaw is None
    assert read(encode(image(pixels=bytes(2), **described))).flaw is Flaw.TRUNCATED


def test_halved_chrominance_needs_two_thirds(read: Read) -> None:
    described: dict[str, Any] = {
        "SamplesPerPixel": 3,
        "BitsAllocated": 8,
        "PhotometricInterpretation": "YBR_FULL_422",
    }
    assert read(encode(image(pixels=bytes(48), **described))).flaw is None
    assert read(encode(image(pixels=bytes(46), **described))).flaw is Flaw.TRUNCATED


@pytest.mark.parametrize(("keyword", "size"), [("FloatPixelData", 4), ("DoubleFloatPixelData", 8)])
def test_floating_point_pixels_count_too(read: Read, keyword: str, size: int) -> None:
    for missing, flaw in ((0, None), (1, Flaw.TRUNCATED)):
        pixels = bytes(size * (24 - missing))
        described: dict[str, Any] = {"PixelData": None, "BitsAllocated": 8 * size, keyword: pixels}
        dataset = image(**described)
        assert read(encode(dataset)).flaw is flaw


@pytest.mark.parametrize("frames", ["", "0", " 1 ", "1.0"])
def test_an_odd_number_of_frames_means_one(read: Read, frames: str) -> None:
    raw = image()
    raw.add_new(0x00280008, "LO", frames)  # pydicom would not write it as IS
    assert read(encode(raw, ImplicitVRLittleEndian)).flaw is None


def test_numbers_that_are_none_make_a_file_unreadable(read: Read) -> None:
    raw = image()
    raw.add_new(0x00280008, "LO", "many")
    assert read(encode(raw, ImplicitVRLittleEndian)).flaw is Flaw.UNREADABLE


def test_pixels_that_are_announced_and_absent_are_missing(read: Read) -> None:
    assert read(encode(image(PixelData=None))).flaw is Flaw.TRUNCATED


def test_pixels_may_be_elsewhere(read: Read) -> None:
    elsewhere = image(PixelData=None, PixelDataProviderURL="http://invented.example/pixels")
    assert read(encode(elsewhere, "1.2.840.10008.1.2.4.94")).flaw is None


def test_uncompressed_pixels_of_undefined_length_are_a_flaw(read: Read) -> None:
    compressed = encode(image(pixels=encapsulate([b"\xff\xd8"])), JPEGBaseline8Bit)
    claimed = compressed.replace(JPEGBaseline8Bit.encode(), b"1.2.840.10008.1.2.1\0\0\0")
    assert read(claimed).flaw is Flaw.UNREADABLE


def test_an_offset_table_alone_is_no_image(read: Read) -> None:
    table = struct.pack("<HHL", 0xFFFE, 0xE000, 0)
    assert read(encode(image(pixels=table), JPEGBaseline8Bit)).flaw is Flaw.TRUNCATED


def test_garbage_between_fragments_is_a_flaw(read: Read) -> None:
    pixels = encapsulate([b"\xff\xd8"]) + b"garbage!"
    assert read(encode(image(pixels=pixels), JPEGBaseline8Bit)).flaw is Flaw.UNREADABLE


def test_a_delimiter_that_closes_nothing_is_a_flaw(read: Read) -> None:
    stray = struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
    assert read(encode(identity(), tail=stray)).flaw is Flaw.UNREADABLE


def test_nesting_without_end_is_a_flaw_and_no_crash(read: Read) -> None:
    level = struct.pack("<HH2sHL", 0x40, 0xA730, b"SQ", 0, 0xFFFFFFFF)
    level += struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF)
    assert read(encode(identity(), tail=level * 50_000)).flaw is Flaw.UNREADABLE


@settings(REUSED, max_examples=300)
@given(st.data())
def test_nothing_that_a_byte_can_do_raises(read: Read, data: st.DataObject) -> None:
    content = bytearray(encode(image(), data.draw(st.sampled_from(NATIVE))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(128, len(content) - 1))] = data.draw(st.integers(0, 255))
    instance = read(bytes(content), "PatientID", "Rows", "ImageType")
    assert instance.size == len(content)
    assert len(instance.sha256) == 32


def peak_while_reading(path: Path) -> tuple[int, InstanceFile]:
    """The most memory that reading took, in bytes."""
    tracemalloc.start()
    try:
        instance = read_instance(str(path))
        return tracemalloc.get_traced_memory()[1], instance
    finally:
        tracemalloc.stop()


def sparse(path: Path, head: bytes, length: int, end: bytes = b"") -> None:
    """A file of `head`, `length` zeros that take no room on the disk, and `end`."""
    path.write_bytes(head)
    os.truncate(path, len(head) + length)
    with path.open("ab") as file:
        file.write(end)


@pytest.mark.parametrize("encapsulated", [False, True])
def test_a_huge_file_is_read_in_flat_memory(tmp_path: Path, *, encapsulated: bool) -> None:
    path = tmp_path / "huge.dcm"
    length = 512 << 20
    syntax = JPEGBaseline8Bit if encapsulated else ExplicitVRLittleEndian
    dataset = image(rows=1024, columns=1024, NumberOfFrames=256, PixelData=None)
    header = struct.pack("<HH2sHL", 0x7FE0, 0x0010, b"OW", 0, 0xFFFFFFFF if encapsulated else length)
    end = b""
    if encapsulated:
        header += struct.pack("<HHLHHL", 0xFFFE, 0xE000, 0, 0xFFFE, 0xE000, length)
        end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    sparse(path, encode(dataset, syntax, tail=header), length, end)
    peak, instance = peak_while_reading(path)
    assert instance.flaw is None
    assert peak < 8 << 20
    os.truncate(path, path.stat().st_size - 1)
    assert read_instance(str(path)).flaw is Flaw.TRUNCATED


def test_a_small_file_that_inflates_to_a_huge_one_is_read_in_flat_memory(tmp_path: Path) -> None:
    dataset = image(rows=8192, columns=8192, pixels=bytes(128 << 20))
    path = tmp_path / "bomb.dcm"
    path.write_bytes(encode(dataset, DeflatedExplicitVRLittleEndian))
    del dataset
    peak, instance = peak_while_reading(path)
    assert instance.flaw is None
    assert path.stat().st_size < 1 << 20
    assert peak < 8 << 20


def test_a_length_that_no_file_has_takes_no_memory(tmp_path: Path) -> None:
    path = tmp_path / "liar.dcm"
    liar = struct.pack("<HHL", 0x0020, 0x000D, 0x7FFFFFFF)
    sparse(path, encode(Dataset(), ImplicitVRLittleEndian, tail=liar), 64 << 20)
    peak, instance = peak_while_reading(path)
    assert instance.flaw is Flaw.UNREADABLE
    assert peak < 8 << 20
