"""Attributes that an enhanced object states for all frames, or for each of them (PS3.3 C.7.6.16)."""

from collections.abc import Iterator

from pydicom.dataset import Dataset

from niffler_ops.png.values import items_of

_PER_FRAME, _SHARED = "PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"


def holder(header: Dataset, frame: int, group: str) -> Dataset:
    """Where the attributes of a functional group are to be read for a frame (0 is the first).

    That is the frame's own item, else the one shared by all frames, else the header itself.
    """
    for place in _places(header, frame):
        items = items_of(place, group)
        if items:
            return items[0]
    return header


def own_groups(header: Dataset) -> int:
    """How many frames have attributes of their own."""
    return len(items_of(header, _PER_FRAME))


def _places(header: Dataset, frame: int) -> Iterator[Dataset]:
    """Where functional groups of a frame may be, the closest first."""
    own = items_of(header, _PER_FRAME)
    if frame < len(own):
        yield own[frame]
    yield from items_of(header, _SHARED)[:1]
