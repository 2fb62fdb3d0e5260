"""Files without a form of their own: text by lines, anything else by what is printable in it."""

from collections.abc import Collection
from pathlib import Path

from niffler_ops.audit.model import Channel
from niffler_ops.audit.runs import BLOCK, MARKS, blocks, long_runs
from niffler_ops.audit.searching import Place, Search


def search_text(path: Path, where: str, search: Search) -> None:
    """Search a text line by line, where it is one: UTF-8, UTF-16 with its mark, else Latin-1."""
    with path.open("rb") as stream:
        head = stream.read(BLOCK)
    if head.startswith(MARKS):
        _search_lines(path, where, search, "utf-16")
        return
    try:
        _search_lines(path, where, search, "utf-8")
    except UnicodeDecodeError:
        if b"\0" not in head:
            _search_lines(path, where, search, "latin-1")


def _search_lines(path: Path, where: str, search: Search, encoding: str) -> None:
    with path.open(encoding=encoding, errors="replace" if encoding == "utf-16" else "strict") as stream:
        number = 0
        while line := stream.readline(BLOCK):
            number += 1
            search.text(line, Place(channel=Channel.TEXT, where=where, place=f"line {number}"))
            if search.is_full:
                search.flush()


def search_bytes(path: Path, where: str, search: Search, known: Collection[str] = ()) -> None:
    """Search the bytes of any file, as a last resort; `known` attributes were found there already."""
    place = Place(channel=Channel.BYTES, where=where, place="anywhere")
    with path.open("rb") as stream:
        for block in blocks(stream):
            search.in_bytes(long_runs(block), place)
            if search.is_full:
                search.flush(without=known)
    search.flush(without=known)
