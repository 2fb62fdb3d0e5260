"""Lets a process start in half the time and memory: pydicom, without the libraries that decode pixels."""

import sys

_LIBRARIES = ("numpy", "PIL", "gdcm", "pylibjpeg", "libjpeg", "openjpeg", "rle", "tqdm", "requests")


def forgo_pixels() -> None:
    """Have pydicom find none of the optional libraries that it imports at once.

    For a process that reads headers only, before it imports pydicom.
    """
    for library in _LIBRARIES:
        sys.modules.setdefault(library, None)  # type: ignore[arg-type]  # None: as if it were not installed
