"""Where storescp puts a data set while it comes, and where it goes when it is whole."""

import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from niffler_ops.embedded import dataset
from niffler_ops.embedded.dataset import DataSetError, Reader
from niffler_ops.embedded.filepath import Part, target
from niffler_ops.embedded.negotiation import IMPLEMENTATION_CLASS, IMPLEMENTATION_VERSION

NAME_LENGTH = 64
BUFFER = 256 * 1024
BEGINNING = 16 * 1024  # bytes of a data set in which its UIDs stand, as a rule


class StoreError(Exception):
    """The instance cannot be stored; the text goes to the sender, so it names no path."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """The folder that receives, and the pattern of the names in it (none: the SOP Instance UID)."""

    path: Path
    pattern: tuple[Part, ...] = ()


class Incoming:
    """A sink that writes a `.part` file, data set bytes as they come.

    After a failure it takes the rest and forgets it, so that the association goes on. `source` is the
    sender's AE title.
    """

    def __init__(
        self, folder: Folder, sop_class: str, sop_instance: str, transfer_syntax: str, source: str
    ) -> None:
        self.folder = folder
        self.transfer_syntax = transfer_syntax
        safe = re.sub(r"[^0-9.]", "", sop_instance)[:NAME_LENGTH].lstrip(".")
        self.name = safe
        # Never the same for two associations: else one of them could delete the other's file.
        self.part = folder.path / f"{safe}{secrets.randbits(64):020d}.part"
        self.failure: str | None = None
        self.stream: BinaryIO | None = None
        head = file_head(sop_class, sop_instance, transfer_syntax, source)
        self.offset = len(head)
        self.beginning = b""
        self._attempt(self._open)
        self._write(memoryview(head))

    def write(self, data: memoryview, /) -> None:
        """One more piece of the data set."""
        if len(self.beginning) < BEGINNING:
            self.beginning += data[: BEGINNING - len(self.beginning)]
        self._write(data)

    def _write(self, data: memoryview) -> None:
        if self.stream is not None and self.failure is None:
            stream = self.stream
            self._attempt(lambda: stream.write(data))

    def store(self) -> Path:
        """Rename to the target, replacing what is there; raises StoreError and leaves nothing."""
        self._attempt(self._close)
        if self.failure is not None:
            self.discard()
            raise StoreError(self.failure)
        try:
            path = self.folder.path / self._target()
            try:
                self.part.replace(path)
            except FileNotFoundError:
                path.parent.mkdir(parents=True, exist_ok=True)
                self.part.replace(path)
        except (OSError, DataSetError) as error:
            self.discard()
            raise StoreError(_reason(error)) from error
        return path

    def discard(self) -> None:
        """Delete what has come."""
        with suppress(OSError):
            self._close()
        with suppress(OSError):
            self.part.unlink(missing_ok=True)

    def _open(self) -> None:
        try:
            self.stream = self.part.open("xb", buffering=BUFFER)
        except FileNotFoundError:
            self.folder.path.mkdir(parents=True, exist_ok=True)
            self.stream = self.part.open("xb", buffering=BUFFER)

    def _close(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.close()

    def _attempt(self, step: Callable[[], object]) -> None:
        try:
            step()
        except OSError as error:
            self.failure = _reason(error)
            with suppress(OSError):
                self._close()
            with suppress(OSError):
                self.part.unlink(missing_ok=True)  # give the room back at once

    def _target(self) -> str:
        if not self.folder.pattern:
            return self.name or "_"
        return target(self.folder.pattern, self._values())

    def _values(self) -> Mapping[int, str]:
        wanted = {part.tag for part in self.folder.pattern if part.tag is not None}
        with suppress(DataSetError):  # what is cut off may stand in the file
            values = _first_values(BytesIO(self.beginning), self.transfer_syntax, wanted)
            if values.keys() == wanted:
                return values
        with self.part.open("rb", buffering=65536) as stream:
            stream.seek(self.offset)
            return _first_values(stream, self.transfer_syntax, wanted)


def _first_values(stream: BinaryIO, transfer_syntax: str, wanted: set[int]) -> dict[int, str]:
    """Of each attribute the first value, where there is one; nothing is read beyond the last."""
    values, last = {}, max(wanted, default=0)
    for element in Reader(stream, transfer_syntax).elements():
        if element.tag in wanted:
            values[element.tag] = _text(element.value)
        if element.tag >= last:
            break
    return values


def file_head(sop_class: str, sop_instance: str, transfer_syntax: str, source: str) -> bytes:
    """Preamble and file meta information."""
    elements = (
        (0x0001, b"OB", b"\0\1"),
        (0x0002, b"UI", dataset.padded(sop_class, uid=True)),
        (0x0003, b"UI", dataset.padded(sop_instance, uid=True)),
        (0x0010, b"UI", dataset.padded(transfer_syntax, uid=True)),
        (0x0012, b"UI", dataset.padded(IMPLEMENTATION_CLASS, uid=True)),
        (0x0013, b"SH", dataset.padded(IMPLEMENTATION_VERSION)),
        (0x0016, b"AE", dataset.padded(source)),
    )
    body = b"".join(_meta_element(*element) for element in elements)
    length = _meta_element(0x0000, b"UL", len(body).to_bytes(4, "little"))
    return bytes(dataset.PREAMBLE) + b"DICM" + length + body


def _meta_element(element: int, vr: bytes, value: bytes) -> bytes:
    size = len(value)
    length = bytes(2) + size.to_bytes(4, "little") if vr == b"OB" else size.to_bytes(2, "little")
    return b"\2\0" + element.to_bytes(2, "little") + vr + length + value


def _text(value: bytes | None) -> str:
    """The first of the values, as text."""
    first = (value or b"").split(b"\\")[0]
    try:
        return first.decode().strip(" \0")
    except UnicodeDecodeError:
        return first.decode("latin-1").strip(" \0")


def _reason(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
