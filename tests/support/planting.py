"""Plants markers in DICOM files and remembers where; nasty.py says which."""

import importlib
import io
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from PIL import Image
from pydicom.datadict import dictionary_has_tag, dictionary_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

TABLE_EDITION = "dicomanonymizer.dicom_anonymization_databases.dicomfields_2026c"

CT = "1.2.840.10008.5.1.4.1.1.2"
ROOT = "1.2.826.0.1.3680043.8.498.7"
NUMBERS = {
    "US": 40_000,
    "SS": 20_000,
    "UL": 700_000_000,
    "SL": 700_000_000,
    "UV": 7 * 10**12,
    "SV": 7 * 10**12,
}
BYTES = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}
TEXTS = ("AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT")


class Kind(StrEnum):
    """What makes the value one that may not leave."""

    TABLE = "table"  # its attribute, or one of the sequences around it, stands in PS3.15 Table E.1-1
    OWN_VALUE = "own value"  # the patient's name or ids within the text of an attribute that may be kept
    PRIVATE = "private"
    UNKNOWN = "unknown"  # an attribute that the dictionary does not have
    REPEATING = "repeating"  # curves and overlays
    FILE_META = "file meta"
    PREAMBLE = "preamble"
    TRAILING = "trailing"  # behind the data set, or in the comment of a compressed frame
    PIXELS = "pixels"
    FILE_NAME = "file name"


@dataclass(frozen=True, kw_only=True, slots=True)
class Marker:
    """A value that must not leave, and where it was planted.

    `place` is the path of tags, as 00081140[0]/00081155, or says what else holds it. `action` is that of the
    table for the attribute that condemns it. Moved dates can meet other markers' dates, and times stay:
    compare the VRs DA, DT and TM in their own place only.
    """

    value: str
    file: str
    place: str
    keyword: str
    vr: str
    kind: Kind
    action: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class NastyFile:
    """A file; `instance`: it is a whole DICOM instance; `held`: why its pixels may not be passed on."""

    path: Path
    patient_id: str
    sop_instance_uid: str
    instance: bool = True
    held: str = ""


class Planter:
    """Writes files and remembers the markers; the values are numbered, so that each occurs once."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._seed = seed
        self._count = 0
        self.files: list[NastyFile] = []
        self.markers: list[Marker] = []

    @property
    def count(self) -> int:
        """How many values there are so far: another number each time a file was planted."""
        return self._count

    def value(self, vr: str) -> tuple[Any, str]:
        """The next value of a VR, and its text."""
        self._count += 1
        number, word = self._count, _word(self._seed * 7919 + self._count)
        if vr in NUMBERS:
            return NUMBERS[vr] + number, str(NUMBERS[vr] + number)
        day = date(2016, 1, 1) + timedelta(days=number)
        special: dict[str, Any] = {
            "PN": f"{word.title()}^{_word(8_000_000 + number)}",
            "UI": f"{ROOT}.{self._seed}.{number}",
            "DA": f"{day:%Y%m%d}",
            "DT": f"{day:%Y%m%d}101112.{number:06d}",
            "TM": f"101112.{number:06d}",
            "AS": f"{91 + number % 9:03d}Y",
            "DS": f"5.{number:06d}",
            "IS": str(700_000_000 + number),
            "FL": 0.5 + number,
            "FD": 0.25 + number,
            "AT": 0x00090000 + number,
            "AE": word.upper(),
            "CS": word.upper(),
            "UR": f"http://{word}.example/{number}",
            "SH": f"{word.title()} {number}",
        }
        value = special.get(vr, f"{word.title()} {number} street")
        if vr in BYTES:
            text = f"{word.title()} {number} bytes"
            return text.ljust(24).encode(), text
        return value, str(value)

    def plant(self, item: Dataset, tag: int, vr: str, place: str, kind: Kind, action: str = "") -> None:
        """Give `item` an attribute with the next value of its VR."""
        value, text = self.value(vr)
        item.add_new(tag, vr, value)
        self.note(text, f"{place}{tag:08X}", kind, tag=tag, vr=vr, action=action)

    def note(
        self, value: str, place: str, kind: Kind, *, tag: int = 0, vr: str = "", action: str = ""
    ) -> None:
        """Remember a marker of the file that is written next."""
        keyword = dictionary_keyword(tag) if tag and dictionary_has_tag(tag) else ""
        self.markers.append(
            Marker(value=value, file="", place=place, keyword=keyword, vr=vr, kind=kind, action=action)
        )

    def instance(self, sop_class: str = CT) -> Dataset:
        """A small image of the next patient, whose identity is planted."""
        item = Dataset()
        item.SOPClassUID = sop_class
        item.Modality, item.Manufacturer = "CT", "Niffler Test Works"
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            self._identity(item, keyword, "UI")
        for keyword, vr in (("PatientName", "PN"), ("PatientID", "LO"), ("AccessionNumber", "SH")):
            self._identity(item, keyword, vr)
        self._identity(item, "StudyDate", "DA")
        birth_date = f"{date(1931, 2, 3) + timedelta(days=self._count * 5):%Y%m%d}"
        item.PatientBirthDate = birth_date
        self.note(birth_date, "00100030", Kind.TABLE, tag=0x00100030, vr="DA", action="Z")
        add_pixels(item, Image.frombytes("L", (16, 16), bytes(range(256))))
        return item

    def replace(self, item: Dataset, keyword: str, value: str, encoded: bytes | None = None) -> None:
        """Give an attribute of the instance that is written next another value, which is then the marker."""
        setattr(item, keyword, value if encoded is None else encoded)
        tag = int(item.data_element(keyword).tag)  # type: ignore[union-attr] # it was set just now
        place = f"{tag:08X}"
        for index in range(len(self.markers) - 1, -1, -1):
            if not self.markers[index].file and self.markers[index].place == place:
                del self.markers[index]
        action = table_actions()[tag >> 16, tag & 0xFFFF]
        if value:
            self.note(value, place, Kind.TABLE, tag=tag, vr=item[keyword].VR, action=action)

    def _identity(self, item: Dataset, keyword: str, vr: str) -> None:
        setattr(item, keyword, self.value(vr)[0])
        element = item[keyword]
        action = table_actions()[element.tag.group, element.tag.element]
        text = str(element.value)
        self.note(text, f"{int(element.tag):08X}", Kind.TABLE, tag=int(element.tag), vr=vr, action=action)

    def write(
        self,
        name: str,
        item: Dataset,
        syntax: str = ExplicitVRLittleEndian,
        *,
        held: str = "",
        preamble: bytes = bytes(128),
        meta: FileMetaDataset | None = None,
        tail: bytes = b"",
    ) -> Path:
        """Write an instance; the markers noted since the last file are its own."""
        meta = meta or FileMetaDataset()
        meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = item.SOPClassUID, item.SOPInstanceUID
        meta.TransferSyntaxUID, meta.ImplementationClassUID = UID(syntax), UID(f"{ROOT}.1")
        item.file_meta, item.preamble = meta, preamble
        if UID(syntax).is_encapsulated and "PixelData" in item:
            item["PixelData"].is_undefined_length = True
        buffer = io.BytesIO()
        item.save_as(buffer, enforce_file_format=True)
        identity = str(item.get("PatientID", "")), str(item.SOPInstanceUID)
        return self.write_bytes(name, buffer.getvalue() + tail, identity=identity, held=held)

    def write_bytes(
        self,
        name: str,
        content: bytes,
        *,
        identity: tuple[str, str] = ("", ""),
        instance: bool = True,
        held: str = "",
    ) -> Path:
        """Write any bytes as a file of the corpus."""
        path = self._folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        patient_id, uid = identity
        self.files.append(
            NastyFile(path=path, patient_id=patient_id, sop_instance_uid=uid, instance=instance, held=held)
        )
        self._claim(name)
        return path

    def _claim(self, name: str) -> None:
        for index in range(len(self.markers) - 1, -1, -1):
            marker = self.markers[index]
            if marker.file:
                return
            self.markers[index] = replace(marker, file=name)


def add_pixels(item: Dataset, picture: Image.Image) -> None:
    item.Rows, item.Columns = picture.height, picture.width
    item.SamplesPerPixel, item.PhotometricInterpretation, item.PixelRepresentation = 1, "MONOCHROME2", 0
    item.BitsAllocated, item.BitsStored, item.HighBit = 8, 8, 7
    item.add_new(0x7FE00010, "OB", picture.tobytes())


def table_actions() -> dict[tuple[int, int], str]:
    """The Basic Profile's action for each attribute of PS3.15 Table E.1-1, edition 2026c; curves, overlays
    and private attributes, which it lists by ranges, are left out.
    """
    table = importlib.import_module(TABLE_EDITION)
    codes = {"D": "D_TAGS", "Z": "Z_TAGS", "X": "X_TAGS", "U": "U_TAGS", "Z/D": "Z_D_TAGS", "X/Z": "X_Z_TAGS"}
    codes |= {"X/D": "X_D_TAGS", "X/Z/D": "X_Z_D_TAGS", "X/Z/U*": "X_Z_U_STAR_TAGS"}
    return {
        (tag[0], tag[1]): code
        for code, name in codes.items()
        for tag in getattr(table, name)
        if len(tag) == 2
    }


def _word(number: int) -> str:
    """A word that no language has, another for each number."""
    letters = ""
    while number or not letters:
        number, digit = divmod(number, 20)
        letters = "bcdfghjklmnpqrstvwxz"[digit] + letters
    return f"zq{letters:b>4}u"
