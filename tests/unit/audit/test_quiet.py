"""What is no leak does not drown the report; what could not be searched is said."""

import gzip
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image
from pydicom import data as pydicom_data
from pydicom import dcmread
from pydicom.dataset import Dataset

from niffler_ops.audit import Audit, audit
from tests.support.dicomfiles import encode
from tests.support.persons import person, pseudonymous

Check = Callable[[], Audit]

COMMON: dict[str, object] = {
    "PatientID": "12345",
    "StudyID": "1",
    "AccessionNumber": "2019",
    "PatientName": "HEAD^CHEST",
    "ReferringPhysicianName": "ANONYMOUS",
    "StationName": "CT01",
    "InstitutionName": "Hospital",
    "StudyDescription": "CT HEAD",
    "RequestedProcedureID": "512",
    "DeviceSerialNumber": "1024",
    "OperatorsName": "X^Y",
    "PatientComments": "none",
}


def test_short_and_common_values_are_searched_for_in_their_own_attribute_only(
    originals: Path, output: Path, check: Check
) -> None:
    (originals / "two.dcm").write_bytes(encode(person(**COMMON)))
    text = "none 12345 512 X Y CT01"
    left = pseudonymous(Manufacturer="Hospital HEAD", SeriesNumber="1", ImageComments=text)
    (output / "two.dcm").write_bytes(encode(left))
    (output / "table.csv").write_text("Rows,Columns,x\n512,512,1024\n12345,2019,HEAD CHEST\n")
    audit = check()
    assert audit.clean, [str(finding) for finding in audit.findings]
    assert audit.confined > 5
    (output / "three.dcm").write_bytes(encode(pseudonymous(StudyID="1", StationName="CT01")))
    assert {finding.place for finding in check().findings} == {"StudyID", "StationName"}


def test_a_moved_date_that_meets_the_date_of_somebody_else_is_no_leak(
    originals: Path, output: Path, check: Check
) -> None:
    somebody = person(
        SOPInstanceUID="1.2.826.0.1.3680043.8.498.71.4", StudyDate="20180822", PatientBirthDate="20180822"
    )
    (originals / "two.dcm").write_bytes(encode(somebody))
    (output / "metadata.csv").write_text("StudyDate,AcquisitionDateTime\n20180822,20180822101112.5\n")
    assert check().clean


def test_a_birth_date_is_a_leak_in_its_own_column(output: Path, check: Check) -> None:
    (output / "metadata.csv").write_text("PatientBirthDate\n19310203\n")
    assert [finding.attribute for finding in check().findings] == ["PatientBirthDate"]


def test_numbers_that_are_measured_meet_no_ids(originals: Path, output: Path, check: Check) -> None:
    for number in range(60):
        identity = {"PatientID": f"{101100 + number}", "AccessionNumber": f"{488250 + number}"}
        (originals / f"{number}.dcm").write_bytes(encode(person(**identity)))
    left = pseudonymous(
        AcquisitionTime="101112", PixelSpacing=["0.488281", "0.488281"], ExposureTime="488281"
    )
    (output / "two.dcm").write_bytes(encode(left))
    (output / "metadata.csv").write_text('AcquisitionTime,PixelSpacing\n101112,"[0.488281, 0.488281]"\n')
    assert check().clean, [str(finding) for finding in check().findings]


def test_random_bytes_and_pseudonyms_meet_nobody(originals: Path, output: Path, check: Check) -> None:
    source = random.Random(7)
    for number in range(200):
        identity = {"PatientID": f"{source.randrange(10**7):07}", "PatientName": f"Lee^Ann{number}"}
        (originals / f"{number}.dcm").write_bytes(encode(person(**identity)))
    (output / "noise").write_bytes(b"\0" + source.randbytes(2_000_000))
    names = [f"{source.getrandbits(256):x}" for _ in range(2000)]
    (output / "names.csv").write_text("png,uid\n" + "".join(f"{n},2.25.{int(n, 16) >> 130}\n" for n in names))
    assert check().clean, [str(finding) for finding in check().findings]


ALLOWED = frozenset(
    {
        *(
            "SOPClassUID",
            "Modality",
            "Manufacturer",
            "ManufacturerModelName",
            "BodyPartExamined",
            "ImageType",
        ),
        *("SliceThickness", "KVP", "Rows", "Columns", "BitsAllocated", "PixelSpacing", "SeriesNumber"),
        *("InstanceNumber", "ImagePositionPatient", "WindowCenter", "AcquisitionTime", "SoftwareVersions"),
    }
)


@pytest.mark.filterwarnings("ignore::UserWarning")  # pydicom, of what its own files do wrong
def test_real_files_stripped_to_what_is_harmless_raise_no_alarm(tmp_path: Path) -> None:
    originals, output = tmp_path / "originals", tmp_path / "output"
    originals.mkdir()
    output.mkdir()
    shipped = sorted((Path(pydicom_data.__file__).parent / "test_files").rglob("*.dcm"))
    for number, name in enumerate(shipped):
        original = dcmread(name, force=True)
        if "SOPInstanceUID" not in original or "Rows" not in original:
            continue
        (originals / f"original-{number}.dcm").write_bytes(name.read_bytes())
        left = Dataset()
        left.SOPInstanceUID = f"2.25.{10**37 + number}"
        left.update({element.tag: element for element in original if element.keyword in ALLOWED})
        (output / f"{number}.dcm").write_bytes(encode(left))
    found = audit(originals, output)
    assert found.originals > 50
    assert [str(finding) for finding in found.findings] == []


def test_options_say_what_may_be_there(originals: Path, output: Path) -> None:
    kept = {"StationName": "ZQSCANNER7", "SeriesDescription": "zigzag manoeuvre", "StudyDate": "20190516"}
    (originals / "one.dcm").write_bytes(encode(person(**kept)))
    (output / "dicom" / "one.dcm").write_bytes(encode(pseudonymous(**kept)))
    basic = audit(originals, output, options=())
    assert {attribute for _, attribute in basic.tally} == set(kept)
    assert audit(
        originals, output, options=("RetainFullDates", "RetainDeviceIdentity", "CleanDescriptors")
    ).clean


def damaged_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE a (b)")
        database.executemany("INSERT INTO a VALUES (?)", [["x" * 500]] * 100)
        database.commit()
    path.write_bytes(path.read_bytes()[:5000])


def damaged_png(path: Path) -> None:
    Image.new("L", (4, 4)).save(path, "PNG")
    path.write_bytes(path.read_bytes()[:-14])


def packed(path: Path) -> None:
    path.write_bytes(gzip.compress(b"P00471123"))


def damaged_json(path: Path) -> None:
    path.with_suffix(".json").write_text('{"a": ')


def damaged_parquet(path: Path) -> None:
    path.write_bytes(b"PAR1 and no more")


def damaged_dicom(path: Path) -> None:
    path.write_bytes(encode(pseudonymous())[:200])


@pytest.mark.parametrize(
    "damage", [damaged_database, damaged_png, packed, damaged_json, damaged_parquet, damaged_dicom]
)
def test_what_cannot_be_searched_is_said(output: Path, check: Check, damage: Callable[[Path], None]) -> None:
    damage(output / "damaged")
    audit = check()
    assert [unread.where.split(".")[0] for unread in audit.unread] == ["damaged"]
    assert not audit.clean


def test_more_findings_than_anybody_reads_are_counted(output: Path, check: Check) -> None:
    (output / "table.csv").write_text("a,b\n" + "".join(f"{n},P00471123 {n}\n" for n in range(1500)))
    audit = check()
    assert (audit.found, len(audit.findings)) == (1500, 1000)
