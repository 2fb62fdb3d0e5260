"""One file de-identified, as the tests of pixels do it."""

from pathlib import Path

from pydicom import Dataset, dcmread

from niffler_ops.deidentify.deidentifier import Deidentifier
from niffler_ops.deidentify.writing import Held, Unreadable, Written, deidentify_file


def run(tmp_path: Path, deidentifier: Deidentifier, content: bytes) -> Written | Held | Unreadable:
    source = tmp_path / "source.dcm"
    source.write_bytes(content)
    return deidentify_file(source, tmp_path / "out", deidentifier)


def written(tmp_path: Path, deidentifier: Deidentifier, content: bytes) -> Dataset:
    result = run(tmp_path, deidentifier, content)
    assert isinstance(result, Written)
    return dcmread(result.path)
