"""PNG files in the output: every chunk but the picture, and whatever stands behind the end."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from niffler_ops.audit.model import Channel
from niffler_ops.audit.runs import runs
from niffler_ops.audit.searching import Place, Search

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_NUMBERS = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"gAMA", b"cHRM", b"sBIT", b"bKGD", b"hIST", b"tRNS"}
)
_LONGEST = 1 << 24
_TRAILER = "behind IEND"


class DamagedPngError(Exception):
    """The chunks cannot be told apart, or one is too long to be text."""


def search_png(path: Path, where: str, search: Search) -> None:
    """Search the chunks; raises DamagedPngError where they end too early."""
    with path.open("rb") as stream:
        for kind, content in _chunks(stream):
            name = kind if kind == _TRAILER else f"{kind} chunk"
            place = Place(channel=Channel.PNG, where=where, place=name)
            for text in _texts(kind, content):
                search.text(text, place)


def _chunks(stream: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Kind and content of every chunk that may hold text."""
    stream.seek(len(SIGNATURE))
    kind = b""
    while kind != b"IEND":
        head = stream.read(8)
        if len(head) < 8:  # noqa: PLR2004 - length and kind
            raise DamagedPngError("the file ends before IEND")
        length, kind = int.from_bytes(head[:4]), head[4:]
        if kind in _NUMBERS:
            stream.seek(length, 1)
        elif length > _LONGEST:
            raise DamagedPngError("a chunk is too long to be text")
        else:
            yield kind.decode("latin-1") if kind.isalpha() else "unnamed", stream.read(length)
        stream.seek(4, 1)
    while rest := stream.read(_LONGEST):
        yield _TRAILER, rest


def _texts(kind: str, content: bytes) -> Iterator[str]:
    """The text of a chunk, inflated where it is compressed (PNG 11.3.3)."""
    yield from runs(content)
    for packed in _packed(kind, content):
        inflater = zlib.decompressobj()
        try:
            yield from runs(inflater.decompress(packed, _LONGEST))
        except zlib.error as error:
            raise DamagedPngError("a compressed chunk cannot be read") from error


def _packed(kind: str, content: bytes) -> Iterator[bytes]:
    if kind in {"zTXt", "iCCP"}:
        yield content.partition(b"\0")[2][1:]
    elif kind == "iTXt":
        after = content.partition(b"\0")[2]
        if after[:1] == b"\1":
            yield after[2:].split(b"\0", 2)[2]
