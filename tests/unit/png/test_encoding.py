"""The PNG files themselves: what the standard asks for, and exactly the levels that were given."""

import io
import zlib
from struct import unpack
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays
from PIL import Image

from niffler_ops.png.encoding import encoded
from tests.unit.png.conftest import levels_of

SHAPES = some.one_of(
    some.tuples(some.integers(1, 40), some.integers(1, 40)),
    some.tuples(some.integers(1, 40), some.integers(1, 40), some.just(3)),
)


def chunks(png: bytes) -> list[tuple[bytes, bytes]]:
    """Names and contents, checked."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    found, position = [], 8
    while position < len(png):
        (length,) = unpack(">L", png[position : position + 4])
        name, content = png[position + 4 : position + 8], png[position + 8 : position + 8 + length]
        (checksum,) = unpack(">L", png[position + 8 + length : position + 12 + length])
        assert checksum == zlib.crc32(name + content)
        found.append((name, content))
        position += 12 + length
    return found


@settings(max_examples=60)
@given(arrays.arrays(some.sampled_from(["u1", "<u2", ">u2"]), SHAPES))
def test_every_array_comes_back(pixels: Any) -> None:
    assert levels_of(b"".join(encoded(pixels))).tolist() == pixels.tolist()


@pytest.mark.parametrize("content", ["noise", "slope", "constant", "black and white"])
@pytest.mark.parametrize("kind", ["u1", ">u2"])
def test_images_of_every_kind_come_back(content: str, kind: str) -> None:
    random = np.random.default_rng(3)
    rows, columns = np.mgrid[:200, :300]
    pixels = {
        "noise": random.integers(0, 1 << 16, (200, 300)),
        "slope": rows * 200 + columns,
        "constant": rows * 0 + 7,
        "black and white": random.integers(0, 2, (200, 300)) * 65535,
    }[content].astype(kind)
    assert levels_of(b"".join(encoded(pixels))).tolist() == pixels.tolist()


def test_lines_that_are_no_whole_array_come_back() -> None:
    pixels = np.arange(600, dtype=np.uint16).reshape(20, 30)[::2, ::-3]
    assert levels_of(b"".join(encoded(pixels))).tolist() == pixels.tolist()


@pytest.mark.parametrize(
    ("shape", "kind", "bits", "colour"), [((3, 5), "u1", 8, 0), ((3, 5, 3), "<u2", 16, 2)]
)
def test_there_is_nothing_but_the_picture(shape: tuple[int, ...], kind: str, bits: int, colour: int) -> None:
    found = chunks(b"".join(encoded(np.zeros(shape, kind))))
    assert [name for name, _ in found] == [b"IHDR", b"IDAT", b"IEND"]
    assert unpack(">LLBBBBB", found[0][1]) == (5, 3, bits, colour, 0, 0, 0)
    assert found[2][1] == b""


def test_pillow_finds_no_text() -> None:
    with Image.open(io.BytesIO(b"".join(encoded(np.zeros((2, 2), np.uint8))))) as image:
        image.load()
        assert image.info == {}
