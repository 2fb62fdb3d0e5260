"""Nasty originals: a marker in every place that can hold identity, hostile ids and names, broken files.

All of it is invented. A marker is a value that occurs once, so that whoever finds it in an output knows
where it came from.
"""

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw
from pydicom import config
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGBaseline8Bit,
)

from tests.support.nasty_hidden import plant_hidden
from tests.support.planting import (
    BYTES,
    CT,
    NUMBERS,
    ROOT,
    TEXTS,
    Kind,
    Marker,
    NastyFile,
    Planter,
    add_pixels,
    table_actions,
)

__all__ = ["Corpus", "Kind", "Marker", "NastyFile", "nasty_corpus", "table_actions"]

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"
ENCAPSULATED_PDF = "1.2.840.10008.5.1.4.1.1.104.1"
STRUCTURED_REPORT = "1.2.840.10008.5.1.4.1.1.88.11"
PRESENTATION_STATE = "1.2.840.10008.5.1.4.1.1.11.1"

_PERSON_NAMES = {  # Specific Character Set: a name that it can write (PS3.3 C.12.1.1.2, PS3.5 annexes H to K)
    "ISO_IR 100": "Zäqmüller^Jörgé",
    "ISO_IR 101": "Zqžitňan^Łukášz",
    "ISO_IR 109": "Zqĝaĥar^Ŝtefo",
    "ISO_IR 110": "Zqāboliņš^Ģirts",
    "ISO_IR 126": "Διονυσιος^Ζαχαρ",
    "ISO_IR 127": "قباني^لنزار",
    "ISO_IR 138": "שרוןזק^דבורהק",
    "ISO_IR 144": "Люксембургъ^Розалинда",
    "ISO_IR 148": "Zqçağlar^Şükrüye",
    "ISO_IR 166": "จันทรกร^ปองศักดิ์",
    "ISO_IR 192": "Wangzq^XiaoDongzq=王麗華^小東西=",
    "GB18030": "Zqwang^Xiaozq=王紅紅^小冬冬=",
    "\\ISO 2022 IR 87": "Yamadazq^Tarouzq=山田川^太郎丸=やまだ^たろう",
    "ISO 2022 IR 13\\ISO 2022 IR 87": "ﾔﾏﾀﾞｶﾜ^ﾀﾛｳﾏﾙ=山田谷^太郎次=やまだや^たろうじ",
    "\\ISO 2022 IR 149": "Hongzq^Gildongzq=洪吉洪^吉洞吉=홍길홍^길동길",
}
HOSTILE_IDS = (
    "../../../etc/passwd",
    "/etc/shadow-zq",
    "=cmd|'/C calc'!A0",
    '=HYPERLINK("http://zq.example")',
    "+1-800-ZQ-CALL",
    "-2+3+cmd|' /C zq'!A0",
    "@SUM(1+9)*zqid",
    "\tzq-tab-first",
    "zq\r\nX-Header: injected",
    "zq\x1b[31mred\x07bell",
    "zq\x00nul-inside",
    "zq\u202egnp.exe",
    "zq😀smile-id",
    "CON",
    "..",
    "~",
    "%2e%2e%2fzq",
    "zq'; DROP TABLE series;--",
    "<script>zq()</script>",
    '{"$ne": "zq"}',
    'zq,"quoted",cell',
    "ZQ" + "9" * 200,
    "7",
    " 0012zq34 ",
    "",
)
HOSTILE_FILE_NAMES = (
    "=HYPERLINK(zqfile0001).dcm",
    "zqfile0002\nsecond line.dcm",
    "zqfile0003 'quotes\" and; $(touch zq)",
    "-rf zqfile0004",
    ".zqfile0005-hidden",
    "zqfile0006\u202egnp.exe",
    "deep/" * 12 + "zqfile0007.dcm",
    "Zqwindow^Anna 19310203/zqfile0008.DCM",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Corpus:
    """The folder, its files and every marker in them."""

    folder: Path
    files: tuple[NastyFile, ...]
    markers: tuple[Marker, ...]


def nasty_corpus(folder: Path, *, seed: int = 0) -> Corpus:
    """Write the files below `folder`, which is made; another seed gives other markers."""
    folder.mkdir(parents=True, exist_ok=True)
    planter = Planter(folder, seed)
    with warnings.catch_warnings(), config.disable_value_validation():
        warnings.simplefilter("ignore")
        _plant_table(planter)
        _plant_beside_the_table(planter)
        _plant_character_sets(planter)
        _plant_held(planter)
        _plant_hostile(planter)
        _plant_broken(planter)
        plant_hidden(planter)
    return Corpus(folder=folder, files=tuple(planter.files), markers=tuple(planter.markers))


def _plant_table(planter: Planter) -> None:
    """Every attribute of the table: at the top, in a kept sequence, in a sequence of a private attribute."""
    syntaxes = (
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    )
    for syntax, depth in zip(syntaxes, (0, 1, 3, 2), strict=True):
        top = planter.instance()
        item, place = _nested(top, depth)
        for tag, action in sorted(table_actions().items()):
            if tag[0] <= 0x0002 or (not depth and tag in top):  # commands, file meta
                continue
            _plant_listed(planter, item, tag[0] << 16 | tag[1], place, action)
        planter.write(f"table/depth-{depth}.dcm", top, syntax)


def _plant_listed(planter: Planter, item: Dataset, tag: int, place: str, action: str) -> None:
    vr = dictionary_VR(tag) if dictionary_has_tag(tag) else "LO"
    if vr != "SQ":
        planter.plant(item, tag, vr.split(" ")[0], place, Kind.TABLE, action)
        return
    inner, within = Dataset(), f"{place}{tag:08X}[0]/"
    planter.plant(inner, 0x00081155, "UI", within, Kind.TABLE, "U")
    if "U" not in action:  # such a sequence stays, with its UIDs replaced
        planter.plant(inner, 0x00080104, "LO", within, Kind.TABLE, action)
        planter.plant(inner, 0x00100020, "LO", within, Kind.TABLE, "Z/D")
    item.add_new(tag, "SQ", Sequence([inner]))


def _nested(top: Dataset, depth: int) -> tuple[Dataset, str]:
    """The data set `depth` sequences down, none of which the table lists, and the way to it."""
    item, place = top, ""
    for tag in (0x00082218, 0x00540220, 0x00400440)[:depth]:  # anatomic region, view, protocol context
        inner = Dataset()
        item.add_new(tag, "SQ", Sequence([inner]))
        item, place = inner, f"{place}{tag:08X}[0]/"
    return item, place


def _plant_beside_the_table(planter: Planter) -> None:
    """Private and unknown attributes, curves and overlays, own values in kept text, what lies around."""
    top = planter.instance()
    nested, place = _nested(top, 1)
    for item, within in ((top, ""), (nested, place)):
        _plant_private(planter, item, within)
        planter.plant(item, 0x00080FF0, "LO", within, Kind.UNKNOWN)
        planter.plant(item, 0x50000022, "LO", within, Kind.REPEATING)
        planter.plant(item, 0x50003000, "OB", within, Kind.REPEATING)
        planter.plant(item, 0x60000022, "LO", within, Kind.REPEATING)
        planter.plant(item, 0x60004000, "LT", within, Kind.REPEATING)
    _plant_own_values(planter, top)
    meta = FileMetaDataset()
    for tag, vr in ((0x00020016, "AE"), (0x00020017, "AE"), (0x00020018, "AE")):
        planter.plant(meta, tag, vr, "", Kind.FILE_META)
    meta.add_new(0x00020100, "UI", f"{ROOT}.2")
    planter.plant(meta, 0x00020102, "OB", "", Kind.FILE_META)
    preamble, tail = planter.value("LO")[1], planter.value("LO")[1]
    planter.note(preamble, "preamble", Kind.PREAMBLE)
    planter.note(tail, "behind the data set", Kind.TRAILING)
    trailing = b"\xfc\xff\xfc\xffOB\x00\x00" + (64).to_bytes(4, "little") + tail.encode().ljust(64)
    planter.write("beside/beside.dcm", top, preamble=preamble.encode().ljust(128), meta=meta, tail=trailing)
    _plant_jpeg_comment(planter)


def _plant_private(planter: Planter, item: Dataset, place: str) -> None:
    vrs = [*TEXTS, *NUMBERS, *BYTES, "AT", "FD", "FL"]
    item.add_new(0x00090010, "LO", "NIFFLER TEST WORKS")
    for number, vr in enumerate(vrs):
        planter.plant(item, 0x00091000 + number, vr, place, Kind.PRIVATE)
    inner = Dataset()
    inner.add_new(0x00090010, "LO", "NIFFLER TEST WORKS")
    planter.plant(inner, 0x00091001, "LO", f"{place}000910F0[0]/", Kind.PRIVATE)
    planter.plant(inner, 0x00100010, "PN", f"{place}000910F0[0]/", Kind.PRIVATE)
    item.add_new(0x000910F0, "SQ", Sequence([inner]))
    planter.plant(item, 0x00111001, "LO", place, Kind.PRIVATE)  # a block that no creator has reserved


def _plant_own_values(planter: Planter, item: Dataset) -> None:
    """The patient's values where a person typed them, in attributes that the table lists and others."""
    family = str(item.PatientName).split("^", maxsplit=1)[0]
    born = item.PatientBirthDate
    texts = {
        "SeriesDescription": f"thorax {family.upper()} portal",
        "StudyDescription": f"CT of {item.PatientID}, follow-up",
        "ProtocolName": f"{item.AccessionNumber} abdomen",
        "SequenceName": f"fl3d {family}"[:16],
        "ConvolutionKernel": f"B30 {item.AccessionNumber}"[:16],
        "FilterType": family.upper()[:16],
        "ReconstructionDescription": f"born {born[6:]}.{born[4:6]}.{born[:4]}, {family}",
    }
    for keyword, text in texts.items():
        setattr(item, keyword, text)
        value = next(v for v in (family, item.PatientID, item.AccessionNumber) if v.lower() in text.lower())
        planter.note(value, keyword, Kind.OWN_VALUE)


def _plant_jpeg_comment(planter: Planter) -> None:
    item = planter.instance()
    comment = planter.value("LO")[1]
    stream = io.BytesIO()
    Image.new("L", (16, 16), 90).save(stream, "JPEG", comment=comment)
    item.PixelData = encapsulate([stream.getvalue()])
    planter.note(comment, "comment of the JPEG frame", Kind.TRAILING)
    planter.write("beside/jpeg-comment.dcm", item, JPEGBaseline8Bit)


def _plant_character_sets(planter: Planter) -> None:
    for number, (charset, name) in enumerate(_PERSON_NAMES.items()):
        item = planter.instance()
        item.SpecificCharacterSet = charset.split("\\")
        planter.replace(item, "PatientName", name)
        planter.replace(item, "ReferringPhysicianName", name)
        family = name.split("^", maxsplit=1)[0]
        item.SeriesDescription = f"head {family} axial"
        planter.note(family, "0008103E", Kind.OWN_VALUE, tag=0x0008103E, vr="LO")
        planter.write(f"charsets/{number:02d}.dcm", item)
    item = planter.instance()  # Latin-1 bytes that no character set announces
    undeclared = "Zqbäumlér^Undeclared"
    planter.replace(item, "PatientName", undeclared, undeclared.encode("latin-1"))
    planter.write("charsets/undeclared.dcm", item)


def _plant_held(planter: Planter) -> None:
    """What may not be passed on, because pixels or document show who it is."""
    rules: list[tuple[str, str, dict[str, Any]]] = [
        ("burned in", CT, {"BurnedInAnnotation": "YES"}),
        ("secondary capture", SECONDARY_CAPTURE, {"ConversionType": "WSD"}),
        ("screenshot", CT, {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]}),
        ("ultrasound", ULTRASOUND, {"Manufacturer": "Unheard-of Sonics", "Modality": "US"}),
    ]
    for held, sop_class, attributes in rules:
        item = planter.instance(sop_class)
        for keyword, value in attributes.items():
            setattr(item, keyword, value)
        _burn_in(planter, item)
        planter.write(f"held/{held}.dcm", item, held=held)
    for held, sop_class in (("document", ENCAPSULATED_PDF), ("report", STRUCTURED_REPORT)):
        item = planter.instance(sop_class)
        del item.PixelData
        planter.plant(item, 0x00420011, "OB", "", Kind.TABLE, "D")
        inner = Dataset()
        planter.plant(inner, 0x0040A160, "UT", "0040A730[0]/", Kind.TABLE, "X")
        item.ContentSequence = Sequence([inner])
        planter.write(f"held/{held}.dcm", item, held=held)
    item, text = planter.instance(PRESENTATION_STATE), Dataset()
    del item.PixelData
    planter.plant(text, 0x00700006, "ST", "00700001[0]/00700008[0]/", Kind.TABLE, "D")
    item.GraphicAnnotationSequence = Sequence([Dataset()])
    item.GraphicAnnotationSequence[0].TextObjectSequence = Sequence([text])
    planter.write("held/presentation state.dcm", item, held="presentation state")


def _burn_in(planter: Planter, item: Dataset) -> None:
    picture = Image.effect_noise((192, 96), 40)
    text = f"{item.PatientName} {item.PatientID}"
    ImageDraw.Draw(picture).text((4, 4), text, fill=255)
    add_pixels(item, picture)
    planter.note(text, "pixels", Kind.PIXELS)


def _plant_hostile(planter: Planter) -> None:
    for number, patient_id in enumerate(HOSTILE_IDS):
        item = planter.instance()
        item.SpecificCharacterSet = "ISO_IR 192"
        planter.replace(item, "PatientID", patient_id)
        planter.replace(item, "AccessionNumber", patient_id)
        item.SeriesDescription = f"=1+1 {patient_id}"
        planter.write(f"hostile/{number:02d}.dcm", item)
    for uid in ("not a uid", "../../zq.uid", "1.2", "1.2." + "9" * 90):
        item = planter.instance()
        for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
            planter.replace(item, keyword, uid)
        planter.write(f"hostile/uid-{len(uid)}.dcm", item)
    for name in HOSTILE_FILE_NAMES:
        planter.note(name, name, Kind.FILE_NAME)
        planter.write(f"names/{name}", planter.instance())
    first = planter.instance()
    planter.write("hostile/twin-1.dcm", first)
    second = planter.instance()
    planter.replace(second, "SOPInstanceUID", first.SOPInstanceUID)
    planter.write("hostile/twin-2.dcm", second)


def _plant_broken(planter: Planter) -> None:
    """Files that are no instances, or whose bytes end too early."""
    whole = planter.write("broken/whole.dcm", planter.instance()).read_bytes()
    for name, content in _broken(whole):
        planter.write_bytes(f"broken/{name}", content, instance=False)


def _broken(whole: bytes) -> Iterator[tuple[str, bytes]]:
    yield "empty.dcm", b""
    yield "text.dcm", b"This is no DICOM file."
    yield "cut-in-pixels.dcm", whole[:-100]
    yield "cut-in-header.dcm", whole[:300]
    yield "only-the-prefix.dcm", bytes(128) + b"DICM"
