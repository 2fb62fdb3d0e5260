"""A leak is planted in every channel, and found there."""

import csv
import hashlib
import io
import json
import sqlite3
import struct
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGBaseline8Bit

from niffler_ops.audit import Audit, Channel, audit
from tests.support.dicomfiles import encode
from tests.support.persons import person, pseudonymous

Check = Callable[[], Audit]
NAME = "Gröninger"
PSEUDONYM = "2.25.141421356237309504880168872420969807856"


def leaks(audit: Audit) -> set[tuple[Channel, str]]:
    return set(audit.tally)


def test_nothing_is_found_where_nothing_leaked(check: Check) -> None:
    audit = check()
    assert audit.clean, [str(finding) for finding in audit.findings]
    assert (audit.originals, audit.unlinked, audit.orphans, audit.files) == (1, 0, 0, {"DICOM": 1})


def test_outputs_without_an_original_are_counted(output: Path, check: Check) -> None:
    for number in (1, 2):
        other = pseudonymous()
        other.SOPInstanceUID = f"2.25.{number}"
        (output / "dicom" / f"{number}.dcm").write_bytes(encode(other))
    audit = check()
    assert (audit.clean, audit.orphans) == (True, 2)


def test_without_links_nobody_can_tell_whose_an_output_is(originals: Path, output: Path) -> None:
    found = audit(originals, output)
    assert (found.unlinked, found.orphans) == (1, 0)


def within(item: Dataset, *tags: int) -> Dataset:
    for tag in reversed(tags):
        outer = Dataset()
        outer.add_new(tag, "SQ", Sequence([item]))
        item = outer
    return item


def with_element(tag: int, vr: str, value: object) -> Dataset:
    item = Dataset()
    item.add_new(tag, vr, value)
    return item


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
@pytest.mark.parametrize(
    "leak",
    [
        with_element(0x00104000, "LT", f"seen with Mrs {NAME} today"),
        within(with_element(0x00100010, "PN", f"{NAME}^W"), 0x00082218),
        within(with_element(0x00080104, "LO", NAME), 0x00082218, 0x00540220, 0x00400440),
        with_element(0x00091001, "LO", NAME.upper()),
        with_element(0x00091001, "UN", NAME.encode("latin-1")),
        with_element(0x00091001, "OB", b"\x01\x02" + NAME.encode() + b"\x00"),
        with_element(0x00091001, "OB", NAME.encode("utf-16-le")),
        with_element(0x60000022, "LO", NAME),
        with_element(0xFFFCFFFC, "OB", NAME.encode("latin-1") + b" "),
        within(with_element(0x00091001, "LO", NAME), 0x000910F0),
    ],
    ids=str,
)
def test_an_attribute_is_found_at_every_level(check: Check, output: Path, leak: Dataset, syntax: str) -> None:
    dataset = pseudonymous(SpecificCharacterSet="ISO_IR 192")
    dataset.update(leak)
    (output / "two.dcm").write_bytes(encode(dataset, syntax))
    assert (Channel.ATTRIBUTE, "PatientName") in leaks(check())


def test_uids_are_found_also_as_the_beginning_of_others(check: Check, output: Path) -> None:
    uid = "1.2.826.0.1.3680043.8.498.71.3"
    (output / "two.dcm").write_bytes(encode(pseudonymous(FrameOfReferenceUID=f"{uid}.1")))
    assert leaks(check()) == {(Channel.ATTRIBUTE, "SOPInstanceUID")}


def test_file_meta_information_is_searched(check: Check, output: Path) -> None:
    meta = {"MediaStorageSOPInstanceUID": "1.2.826.0.1.3680043.8.498.71.3"}
    (output / "two.dcm").write_bytes(encode(pseudonymous(), meta=meta))
    assert {finding.place for finding in check().findings} == {"MediaStorageSOPInstanceUID"}


def test_the_preamble_is_searched(check: Check, output: Path) -> None:
    content = b"II*\0 P00471123".ljust(128, b"\0") + encode(pseudonymous())[128:]
    (output / "two.dcm").write_bytes(content)
    assert leaks(check()) == {(Channel.PREAMBLE, "PatientID")}


def test_what_stands_behind_the_data_set_is_searched(check: Check, output: Path) -> None:
    (output / "two.dcm").write_bytes(encode(pseudonymous(), tail=b"\0\0\0\0\0\0\0\0P00471123"))
    assert (Channel.BYTES, "PatientID") in leaks(check())


def test_the_comment_of_a_compressed_frame_is_searched(check: Check, output: Path) -> None:
    stream = io.BytesIO()
    Image.new("L", (6, 4)).save(stream, "JPEG", comment="P00471123")
    (output / "two.dcm").write_bytes(
        encode(pseudonymous(pixels=encapsulate([stream.getvalue()]), BitsAllocated=8), JPEGBaseline8Bit)
    )
    assert leaks(check()) == {(Channel.BYTES, "PatientID")}


def test_a_short_value_is_found_in_its_own_attribute(check: Check, originals: Path, output: Path) -> None:
    (originals / "two.dcm").write_bytes(encode(person(PatientID="17", StationName="..")))
    (output / "two.dcm").write_bytes(
        encode(pseudonymous(PatientID="17", StationName="..", SeriesNumber="17"))
    )
    assert {finding.place for finding in check().findings} == {"PatientID", "StationName"}


@pytest.mark.parametrize("keyword", ["StudyDate", "AcquisitionDateTime"])
def test_a_date_that_was_not_moved_is_found(
    check: Check, originals: Path, output: Path, keyword: str
) -> None:
    (originals / "one.dcm").write_bytes(encode(person(**{keyword: "20190516"})))
    (output / "dicom" / "one.dcm").write_bytes(encode(pseudonymous(**{keyword: "20190516"})))
    (output / "metadata.csv").write_text(f"SOPInstanceUID,{keyword}\n{PSEUDONYM},20190516\n")
    record = {"SOPInstanceUID": PSEUDONYM, keyword: "20190516"}
    (output / "records.jsonl").write_text(json.dumps(record) + "\n")
    audit = check()
    assert leaks(audit) == {(Channel.DATE, keyword)}
    assert {finding.where for finding in audit.findings} == {
        "dicom/one.dcm",
        "metadata.csv",
        "records.jsonl",
    }


@pytest.mark.parametrize(
    "name", ["P00471123.png", "x/P00471123/1.png", "Gr%C3%B6ninger.dcm", "a_00834412_b.txt", "19310203/1"]
)
def test_names_of_files_and_folders_are_searched_and_not_repeated(
    check: Check, output: Path, name: str
) -> None:
    path = output / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    audit = check()
    assert {channel for channel, _ in audit.tally} == {Channel.NAME}
    assert not any(part in str(audit) for part in ("P00471123", "ninger", "00834412", "19310203"))


def test_every_name_that_holds_a_value_is_counted_and_can_be_located(check: Check, output: Path) -> None:
    for number in range(3):
        (output / f"P00471123-{number}.png").write_bytes(png())
    assert [finding.where for finding in check().findings] == [f"[withheld] {rank}" for rank in (1, 2, 3)]


def test_an_empty_folder_and_the_target_of_a_link_are_searched(check: Check, output: Path) -> None:
    (output / "P00471123").mkdir()
    (output / "link").symlink_to("/data/Wilhelmina")
    audit = check()
    assert leaks(audit) == {(Channel.NAME, "PatientID"), (Channel.NAME, "PatientName")}
    assert audit.unread_count == 1


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(*chunks: bytes, tail: bytes = b"") -> bytes:
    stream = io.BytesIO()
    Image.new("L", (4, 4)).save(stream, "PNG")
    content = stream.getvalue()
    return content[:33] + b"".join(chunks) + content[33:] + tail


@pytest.mark.parametrize(
    "content",
    [
        png(chunk(b"tEXt", b"Comment\0P00471123")),
        png(chunk(b"tEXt", b"P00471123\0x")),
        png(chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"id P00471123"))),
        png(chunk(b"iTXt", b"Comment\0\0\0de\0\0P00471123")),
        png(chunk(b"iTXt", b"Comment\0\1\0de\0Wort\0" + zlib.compress(b"P00471123"))),
        png(chunk(b"eXIf", b"II*\0\x08\0\0\0P00471123\0")),
        png(chunk(b"iCCP", b"name\0\0" + zlib.compress(b"\0\0P00471123\0"))),
        png(chunk(b"niFF", b"\1P00471123\2")),
        png(tail=b"P00471123"),
    ],
)
def test_every_chunk_of_a_png_is_searched(check: Check, output: Path, content: bytes) -> None:
    (output / "one.png").write_bytes(content)
    assert leaks(check()) == {(Channel.PNG, "PatientID")}


def test_what_pillow_writes_into_a_png_is_found(check: Check, output: Path) -> None:
    text = PngImagePlugin.PngInfo()
    text.add_itxt("Title", NAME, zip=True)
    Image.new("L", (4, 4)).save(output / "one.png", pnginfo=text)
    assert leaks(check()) == {(Channel.PNG, "PatientName")}


@pytest.mark.parametrize(
    "table",
    [
        "SOPInstanceUID,SeriesDescription\n2.25.1,head of Gröninger\n",
        "a;b;c\n1;2;'P00471123\n",
        "a\tb\n1\tP00471123\n",
        'a,b\n1,"several\nlines, ""P00471123"""\n',
        "a,P00471123\n1,2\n",
        "a\n1,2,P00471123\n",
        "a,b\n1,\"['x', 'P00471123']\"\n",
        'a,b\n1,"{""x"": ""Gr\\u00f6ninger""}"\n',
        "AccessionNumber\n00834412\n",
    ],
)
def test_every_cell_of_a_table_is_searched(check: Check, output: Path, table: str) -> None:
    (output / "metadata.csv").write_text(table, encoding="utf-8")
    audit = check()
    assert {channel for channel, _ in audit.tally} == {Channel.CELL}
    assert not audit.unread_count


def test_a_cell_of_any_length_is_searched_and_the_limit_of_others_stays(check: Check, output: Path) -> None:
    limit = csv.field_size_limit()
    (output / "metadata.csv").write_text(f"Text\n{'x' * 2 * limit} P00471123\n", encoding="utf-8")
    assert {channel for channel, _ in check().tally} == {Channel.CELL}
    assert csv.field_size_limit() == limit


def test_databases_are_searched_also_what_was_deleted_from_them(check: Check, output: Path) -> None:
    with closing(sqlite3.connect(output / "metadata.sqlite")) as database:
        database.execute("PRAGMA secure_delete = OFF")
        database.execute("CREATE TABLE series (id, document)")
        database.execute("CREATE TABLE gone (document)")
        document = json.dumps({"PatientName": {"Alphabetic": NAME}, "items": [{"x": ["P00471123"]}]})
        database.execute("INSERT INTO series VALUES (1, ?)", [document])
        database.execute("INSERT INTO gone VALUES ('Saint Swithun Infirmary')")
        database.commit()
        database.execute("DELETE FROM gone")
        database.commit()
    assert leaks(check()) == {
        (Channel.RECORD, "PatientName"),
        (Channel.RECORD, "PatientID"),
        (Channel.BYTES, "InstitutionName"),
    }


def test_parquet_is_searched(check: Check, output: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"a": ["x", NAME], "b": [["P00471123"], []]})
    frame.to_parquet(output / "metadata.parquet")
    assert {(Channel.CELL, "PatientName"), (Channel.CELL, "PatientID")} <= leaks(check())


@pytest.mark.parametrize(
    ("content", "channel"),
    [
        (b"P00471123", Channel.TEXT),
        (b"\xff\xfe" + "P00471123".encode("utf-16-le"), Channel.TEXT),
        (b"caf\xe9 P00471123", Channel.TEXT),
        (b"\x00\x80\x81" + "P00471123".encode("utf-16-be"), Channel.BYTES),
        (b"\x00\x01\xff P00471123\x00", Channel.BYTES),
    ],
)
def test_files_of_any_kind_are_searched(check: Check, output: Path, content: bytes, channel: Channel) -> None:
    (output / "core").write_bytes(content)
    assert leaks(check()) == {(channel, "PatientID")}


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha224", "sha256"])
def test_a_digest_without_a_secret_is_a_leak(check: Check, output: Path, algorithm: str) -> None:
    digest = hashlib.new(algorithm, b"P00471123")
    (output / f"{digest.hexdigest()[:24].upper()}.png").write_bytes(png())
    assert leaks(check()) == {(Channel.NAME, "PatientID")}


def test_a_uid_made_of_a_digest_without_a_secret_is_a_leak(check: Check, output: Path) -> None:
    digest = hashlib.sha256(b"1.2.826.0.1.3680043.8.498.71.3").digest()
    uid = f"2.25.{int.from_bytes(digest[:16])}"
    (output / "two.dcm").write_bytes(encode(pseudonymous(FrameOfReferenceUID=uid)))
    assert leaks(check()) == {(Channel.ATTRIBUTE, "SOPInstanceUID")}


def burned_in(dataset: Dataset, pixels: NDArray[np.uint8]) -> bytes:
    dataset.BurnedInAnnotation = "YES"
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = pixels.tobytes()
    return encode(dataset)


@pytest.mark.parametrize("blanked", [False, True])
def test_pixels_that_show_text_are_found_unless_blanked(
    check: Check, originals: Path, output: Path, *, blanked: bool
) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (24, 24), np.uint8)
    (originals / "one.dcm").write_bytes(burned_in(person(), pixels))
    if blanked:
        pixels[:6] = 0
    (output / "dicom" / "one.dcm").write_bytes(burned_in(pseudonymous(), pixels))
    Image.fromarray(255 - pixels // 2).save(output / "two.png")
    (output / "mapping.csv").write_text(f"png,SOPInstanceUID,frame\ntwo.png,{PSEUDONYM},1\n")
    audit = check()
    found = {finding.where for finding in audit.findings if finding.channel is Channel.PIXELS}
    assert found == (set() if blanked else {"dicom/one.dcm", "two.png"})
    assert not audit.unread_count


@pytest.mark.parametrize(
    "sop_class",
    ["1.2.840.10008.5.1.4.1.1.88.11", "1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.11.1"],
)
def test_a_report_or_document_is_a_finding(check: Check, output: Path, sop_class: str) -> None:
    (output / "two.dcm").write_bytes(encode(pseudonymous(SOPClassUID=sop_class)))
    assert {channel for channel, _ in check().tally} == {Channel.PIXELS}
