"""Bytes that are read once, forwards, block by block: however long the file, memory stays flat."""

import zlib
from collections.abc import Callable, Iterable, Iterator

BLOCK = 1 << 20


class CutError(Exception):
    """The bytes end before what they announced."""


class Forward:
    """Takes, skips and peeks at the bytes of successive blocks, of which it holds one at a time."""

    __slots__ = ("_at", "_block", "_blocks", "_passed", "_room", "_since")

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._block = b""
        self._at = 0
        self._passed: list[bytes] | None = None  # what `spanned` gathers of blocks that are gone
        self._since = self._room = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes (a few, for they are held together); CutError where fewer are left."""
        start, end = self._at, self._at + count
        if end > len(self._block):
            if len(self.peek(count)) < count:
                raise CutError
            start, end = 0, count
        self._at = end
        return self._block[start:end]

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, which stay next; fewer at the end."""
        while len(self._block) - self._at < count:
            following = next(self._blocks, None)
            if following is None:
                break
            self._gather(self._at)
            self._block = self._block[self._at :] + following
            self._at = 0
        return self._block[self._at : self._at + count]

    def skip(self, count: int) -> None:
        """Pass over `count` bytes; CutError where fewer are left."""
        self._at += count
        while self._at > len(self._block):
            following = next(self._blocks, None)
            if following is None:
                self._at = len(self._block)
                raise CutError
            self._gather(len(self._block))
            self._at -= len(self._block)
            self._block = following

    def spanned(self, pass_over: Callable[[], object], *, at_most: int) -> bytes:
        """The bytes that `pass_over` passes over; CutError where they are more."""
        self._passed, self._since, self._room = [], self._at, at_most
        try:
            pass_over()
            return b"".join(self._passed) + self._block[self._since : self._at]
        finally:
            self._passed = None

    def _gather(self, end: int) -> None:
        """Keep what is passed of a block that is about to go."""
        if self._passed is not None:
            self._passed.append(self._block[self._since : end])
            self._since, self._room = 0, self._room - len(self._passed[-1])
            if self._room < 0:
                raise CutError

    def some(self, most: int) -> bytes:
        """The next bytes, at least one and at most `most`; none at the end."""
        self.peek(1)
        start = self._at
        self._at = min(start + most, len(self._block))
        return self._block[start : self._at]

    def rest(self) -> Iterator[bytes]:
        """Everything that is left, in blocks."""
        held, self._block, self._at = self._block[self._at :], b"", 0
        if held:
            yield held
        yield from self._blocks


class Part:
    """The next `left` bytes of `source` in blocks, as far as they are there."""

    __slots__ = ("_source", "left")

    def __init__(self, source: Forward, left: int) -> None:
        self._source = source
        self.left = left

    def __iter__(self) -> Iterator[bytes]:
        while self.left and (block := self._source.some(self.left)):
            self.left -= len(block)
            yield block


def inflated(source: Forward) -> Iterator[bytes]:
    """What the deflated bytes of `source` hold; CutError where their stream does not come to its end."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    for compressed in source.rest():
        pending = compressed
        while not inflater.eof:
            # Never more than a block at once: a megabyte of deflated bytes may hold a gigabyte.
            block = inflater.decompress(pending, BLOCK)
            pending = inflater.unconsumed_tail
            if block:
                yield block
            if not pending and len(block) < BLOCK:
                break
    if not inflater.eof:
        raise CutError
