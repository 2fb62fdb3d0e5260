"""How a file is really encoded: some have another transfer syntax than they say, and readers forgive them."""

from typing import TYPE_CHECKING, cast

from pydicom import config
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

if TYPE_CHECKING:
    from pydicom.dataelem import RawDataElement

_TURNED_GROUP = 0x0800  # group 0008, read in the other byte order


class WrongSyntaxError(Exception):
    """A file cannot be passed on because it is not encoded as it says; the text holds nothing of it."""


def as_read(header: Dataset) -> tuple[bool, bool]:
    """Whether a data set that was read has implicit VR, and whether it is little endian.

    pydicom keeps what the file says; the elements know how they were found. Raises WrongSyntaxError where
    the byte order is not the one that the file says.
    """
    for tag, element in header.items():
        if tag.group == _TURNED_GROUP:
            raise WrongSyntaxError("its byte order is not that of its transfer syntax")
        if element.is_raw:
            raw = cast("RawDataElement", element)
            return raw.is_implicit_VR, raw.is_little_endian
    implicit, little = header.original_encoding
    return bool(implicit), little is not False


def syntax(header: Dataset, stated: str | None, *, is_compressed: bool) -> UID:
    """The transfer syntax that a data set really has; `is_compressed`: its pixel data are in fragments.

    Raises WrongSyntaxError where nobody could tell.
    """
    implicit, little = header.original_encoding
    if not is_compressed:
        if not little:
            return ExplicitVRBigEndian
        return ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    uid = UID(stated or "", config.IGNORE)
    if implicit or not little or not _is_compressed(uid):
        raise WrongSyntaxError("its pixels are compressed, and its transfer syntax is none of such files")
    return uid


def _is_compressed(uid: UID) -> bool:
    return uid.is_transfer_syntax and not uid.is_private and uid.is_compressed
