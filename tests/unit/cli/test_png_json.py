"""Files that were written for Niffler's png extraction mean here what they meant there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.cli.png_json import PngJson, read_png_json
from niffler_ops.errors import ConfigurationError

UPSTREAM = {
    "DICOMHome": "/data/dicom",
    "OutputDirectory": "/data/png",
    "Depth": 2,
    "SplitIntoChunks": 1,
    "PrintImages": "true",
    "CommonHeadersOnly": "false",
    "PublicHeadersOnly": True,
    "SpecificHeadersOnly": False,
    "UseProcesses": "0",
    "FlattenedToLevel": "patient",
    "is16Bit": True,
    "SendEmail": True,
    "YourEmail": "test@test.test",
}

Read = Callable[..., PngJson]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Reads a file with these keys, or this text."""

    def reading(content: str | None = None, **keys: Any) -> PngJson:
        path = tmp_path / "png.json"
        path.write_text(json.dumps(keys) if content is None else content, encoding="utf-8")
        return read_png_json(path)

    return reading


def problems(read: Read, content: str | None = None, **keys: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        read(content, **keys)
    return caught.value.problems


def test_a_file_of_upstream_is_accepted(read: Read) -> None:
    known = read(**UPSTREAM)
    assert (known.source, known.output) == (Path("/data/dicom"), Path("/data/png"))
    assert (known.draw, known.bits, known.flatten, known.workers) == (True, 16, "patient", 0)
    assert (known.common_headers, known.specific_headers, known.featuresets) == (False, False, ())


def test_what_has_no_effect_any_more_is_told(read: Read) -> None:
    notes = read(**UPSTREAM).notes
    assert [note.partition(": ")[0] for note in notes] == [
        "Depth",
        "SplitIntoChunks",
        "SendEmail",
        "YourEmail",
    ]
    assert all(": accepted without effect: " in note for note in notes)
    assert "test@test.test" not in str(notes)


def test_private_attributes_are_not_to_be_had_and_that_is_told(read: Read) -> None:
    assert read(PublicHeadersOnly=True).notes == []
    (note,) = read(PublicHeadersOnly="False").notes
    assert note.startswith("PublicHeadersOnly: accepted without effect: private attributes never")


def test_an_empty_file_leaves_everything_as_it_is(read: Read) -> None:
    assert read() == PngJson()


def test_comments_are_allowed(read: Read) -> None:
    assert read('{ // of ours\n "is16Bit": true }').bits == 16


@pytest.mark.parametrize(
    ("keys", "attribute", "value"),
    [
        ({"PrintImages": False}, "draw", False),
        ({"PrintImages": "False"}, "draw", False),
        ({"is16Bit": "true"}, "bits", 16),
        ({"is16Bit": False}, "bits", 8),
        ({"CommonHeadersOnly": True}, "common_headers", True),
        ({"SpecificHeadersOnly": "True"}, "specific_headers", True),
        ({"UseProcesses": 4}, "workers", 4),
        ({"UseProcesses": "4"}, "workers", 4),
        *(({"FlattenedToLevel": level}, "flatten", level) for level in ("patient", "study", "series")),
        ({"Featureset": "/sets/ct.txt"}, "featuresets", ("/sets/ct.txt",)),
    ],
)
def test_each_key_has_its_effect(read: Read, keys: dict[str, Any], attribute: str, value: Any) -> None:
    known = read(**keys)
    assert getattr(known, attribute) == value
    assert known.notes == []


def test_relative_paths_are_relative_to_the_file(
    read: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = {"DICOMHome": "dicom", "OutputDirectory": "../png", "Featureset": "ct.txt"}
    known = read(**keys)
    assert (known.source, known.output) == (tmp_path / "dicom", tmp_path.parent / "png")
    assert known.featuresets == (str(tmp_path / "ct.txt"),)
    monkeypatch.chdir(tmp_path)
    assert read_png_json(Path("png.json")) == known


def test_everything_that_is_wrong_is_told_at_once(read: Read, tmp_path: Path) -> None:
    found = problems(
        read,
        DICOMHome=5,
        OutputDirectory="",
        FlattenedToLevel="instance",
        UseProcesses=-1,
        is16Bit="maybe",
        Featureset=["a.txt"],
        Colour="green",
    )
    expected = [
        "DICOMHome: allowed: a folder",
        "OutputDirectory: allowed: a folder",
        "FlattenedToLevel: allowed: patient, study, series",
        "UseProcesses: a whole number from 0 to 256, or a share of the cores such as 0.5",
        "is16Bit: true or false",
        "Featureset: allowed: a featureset file",
        "Colour: unknown key; allowed: DICOMHome, OutputDirectory, ",
    ]
    assert len(found) == len(expected)
    for text, start in zip(found, expected, strict=True):
        assert text.startswith(f"{tmp_path}/png.json: {start}")


def test_a_key_that_is_given_twice_is_told(read: Read) -> None:
    (problem,) = problems(read, '{"is16Bit": true, "is16Bit": false}')
    assert "is16Bit: given twice" in problem


@pytest.mark.parametrize("content", ["", "[]", "{", '{"is16Bit": NaN}', "\ud800".encode("utf-8", "replace")])
def test_what_is_no_object_is_told(read: Read, content: str | bytes) -> None:
    text = content if isinstance(content, str) else content.decode()
    (problem,) = problems(read, text)
    assert "png.json" in problem


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"png\.json: there is no such file"):
        read_png_json(tmp_path / "png.json")
