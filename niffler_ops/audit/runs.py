"""The text in bytes of any kind: what is printable, in one byte a character or in two."""

import re
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

BLOCK = 1 << 20
MARKS = (b"\xff\xfe", b"\xfe\xff")  # of UTF-16
OVERLAP = 1 << 10  # longer than any value that is searched for in bytes

_RUN = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]{4,}")
_LITTLE = re.compile(rb"(?:[\x20-\x7e\xa0-\xff]\0){4,}")
_BIG = re.compile(rb"(?:\0[\x20-\x7e\xa0-\xff]){4,}")
_LONG = 8
_WORDY = np.zeros(256, np.bool_)
_WORDY[list(b" .,_^=@/+:-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")] = True
_ONLY_ASCII = bytes(range(128)) + b" " * 128


def runs(content: bytes) -> Iterator[str]:
    """Every stretch of four or more printable characters: UTF-8 where it is that, else Latin-1; UTF-16."""
    if content.startswith(MARKS):
        yield content.decode("utf-16", "replace")  # and go on: an item's tag begins with the same bytes
    for match in _RUN.finditer(content):
        yield from _texts(match[0])
    if b"\0" in content:
        for match in _LITTLE.finditer(content):
            yield match[0].decode("utf-16-le")
        for match in _BIG.finditer(content):
            yield match[0].decode("utf-16-be")


def long_runs(content: bytes) -> Iterator[str]:
    """Stretches of eight or more characters of words, for bytes that are mostly pixels or compressed.

    ASCII only, in one byte or two: in such bytes every other value is a letter of some encoding.
    """
    octets = np.frombuffer(content, np.uint8)
    wordy = _WORDY[octets]
    for start, end in _stretches(wordy):
        yield content[start:end].decode("ascii")
    followed_by_zero = wordy[:-1] & (octets[1:] == 0)
    for offset in (0, 1):
        for start, end in _stretches(followed_by_zero[offset::2]):
            first, behind = offset + 2 * start, offset + 2 * end
            text = content[first:behind:2].decode("ascii")
            yield text
            # Where the zero comes first, the last character has none behind it.
            if first and not content[first - 1] and behind < len(content) and wordy[behind]:
                yield text + chr(content[behind])


def _stretches(flags: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Where flags are set so many times in a row: begin and end."""
    edges = np.flatnonzero(np.diff(flags.view(np.int8), prepend=0, append=0))
    begins, ends = edges[::2], edges[1::2]
    long = ends - begins >= _LONG
    yield from zip(begins[long].tolist(), ends[long].tolist(), strict=True)


def _texts(content: bytes) -> Iterator[str]:
    """The bytes as UTF-8, or, where they are not that, as Latin-1 and as ASCII among other bytes."""
    try:
        yield content.decode()
    except UnicodeDecodeError:
        yield content.decode("latin-1")
        yield content.translate(_ONLY_ASCII).decode()


def blocks(source: BinaryIO) -> Iterator[bytes]:
    """A file in blocks, each of which repeats the end of the one before."""
    tail = b""
    while block := source.read(BLOCK):
        yield tail + block
        tail = block[-OVERLAP:]
