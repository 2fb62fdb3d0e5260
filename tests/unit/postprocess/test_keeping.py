"""What is kept of a header is what reading it again gives; what is too large is read again."""

from pathlib import Path
from typing import Any

import pytest
from pydicom import dcmread
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from niffler_ops.postprocess import keeping
from niffler_ops.postprocess.keeping import Headers
from tests.support.dicomfiles import encode, image

WANTED = [0x00080005, 0x00080060, 0x0008103E, 0x00280103, 0x00081140]


def saved(path: Path, **elements: Any) -> str:
    path.write_bytes(encode(image(**elements)))
    return str(path)


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small_bigendian.dcm", "JPEG2000.dcm"])
def test_it_is_what_reading_gives(name: str) -> None:
    path = str(get_testdata_file(name, download=False))
    headers = Headers(WANTED)
    headers.keep(path, dcmread(path, stop_before_pixels=True))
    kept, again = headers.take(path), headers.take(path)
    assert type(again) is not type(kept), "the second time it is read"
    assert kept.original_encoding == again.original_encoding
    assert Dataset(kept) == Dataset(again)


def test_there_is_room_for_some_bytes_and_none_for_sequences_that_were_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "_ROOM", 10_000)
    small = saved(tmp_path / "small.dcm", SeriesDescription="axial")
    headers = Headers([0x0008103E])
    number = 0
    while number < 100:
        headers.keep(f"{small}-{number}", dcmread(small, stop_before_pixels=True))
        number += 1
    assert headers.take(f"{small}-0").SeriesDescription == "axial"
    with pytest.raises(FileNotFoundError):
        headers.take(f"{small}-99")

    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3"
    nested = saved(tmp_path / "nested.dcm", ReferencedImageSequence=Sequence([item]))
    header = dcmread(nested, stop_before_pixels=True)
    assert len(header.ReferencedImageSequence) == 1, "from here on it is no raw element"
    headers = Headers(WANTED)
    headers.keep("gone", header)
    with pytest.raises(FileNotFoundError):
        headers.take("gone")
