"""Identity that hides: in sequences only, in another file, torn apart, as a code, as a UID, in bytes."""

from collections.abc import Callable, Iterator

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.support.planting import ROOT, Kind, Planter

UNSEEN = ("\u200b", "\u00ad", "\u2060", "\ufeff", "\u200d", "\u034f", "\u202e", "\u115f")


def plant_hidden(planter: Planter) -> None:
    """Write the files, below hidden/."""
    _plant_in_sequences(planter)
    _plant_in_other_files(planter)
    _plant_torn(planter)
    _plant_codes(planter)
    _plant_uids(planter)
    _plant_bytes(planter)


def _say(planter: Planter, item: Dataset, text: str, *values: str) -> None:
    """Let a kept text hold these values."""
    item.ReconstructionDescription = text
    for value in values:
        planter.note(value, "ReconstructionDescription", Kind.OWN_VALUE)


def _item(**elements: object) -> Dataset:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, Sequence([value]) if isinstance(value, Dataset) else value)
    return item


def _plant_in_sequences(planter: Planter) -> None:
    """A text names who stands only in a sequence."""
    ways: dict[str, Callable[[str], dict[str, Dataset]]] = {
        "other-id": lambda value: {"OtherPatientIDsSequence": _item(PatientID=value)},
        "physician": lambda value: {
            "ReferringPhysicianIdentificationSequence": _item(
                PersonIdentificationCodeSequence=_item(CodeMeaning=f"Dr. {value}", CodeValue="1")
            )
        },
        "former-name": lambda value: {
            "OriginalAttributesSequence": _item(ModifiedAttributesSequence=_item(PatientName=f"{value}^X"))
        },
        "order": lambda value: {"RequestAttributesSequence": _item(RequestedProcedureID=f"{value[:10]}77")},
        "request": lambda value: {"ReferencedRequestSequence": _item(AccessionNumber=f"{value[:10]}78")},
        "performer": lambda value: {"ActualHumanPerformersSequence": _item(HumanPerformerName=f"A^{value}")},
        "institution": lambda value: {"InstitutionCodeSequence": _item(CodeMeaning=f"Saint {value}")},
        "unlisted": lambda value: {"AcquisitionContextSequence": _item(PersonName=f"{value}^Y")},
    }
    for name, way in ways.items():
        item, word = planter.instance(), planter.value("CS")[1]
        for keyword, inner in way(word).items():
            setattr(item, keyword, Sequence([inner]))
        said = {"order": f"{word[:10]}77", "request": f"{word[:10]}78"}.get(name, word)
        told = f"Saint {said}" if name == "institution" else said
        _say(planter, item, f"seen for {told} again", told)
        planter.write(f"hidden/sequence-{name}.dcm", item)


def _plant_in_other_files(planter: Planter) -> None:
    """A text names whom only another file of the study has as its patient."""
    first = planter.instance()
    first.OperatorsName = f"{planter.value('CS')[1]}^Op"
    family, operator = str(first.PatientName).split("^")[0], str(first.OperatorsName).split("^")[0]
    accession = str(first.AccessionNumber)
    planter.write("hidden/study-z-named.dcm", first)
    item = planter.instance()
    planter.replace(item, "StudyInstanceUID", str(first.StudyInstanceUID))
    planter.replace(item, "PatientName", "")
    planter.replace(item, "AccessionNumber", "")
    _say(planter, item, f"{family} {accession} by {operator}", family, accession, operator)
    planter.write("hidden/study-a-unnamed.dcm", item)


def torn(word: str) -> Iterator[str]:
    """A name, as nobody would look for it and everybody can read it."""
    half = len(word) // 2
    for unseen in UNSEEN:
        yield f"{word[:half]}{unseen}{word[half:]}"
    yield "".join(chr(ord(letter) + 0xFEE0) for letter in word)
    yield "\u0301".join(word)
    yield " ".join(word)
    yield ".".join(word)
    yield "\u00a0".join(word)
    yield f"{word[:half]}-{word[half:]}"
    yield f"{word[:half]}\u00a0{word[half:]}"
    yield f"{word} ^ Jane"


def torn_number(number: str) -> Iterator[str]:
    """An id, likewise."""
    for separator in ("#", "*", "|", ",", "~", "\u2013", "\u00a0", "+", "=", " - ", "\u200b"):
        yield f"{number[:3]}{separator}{number[3:6]}{separator}{number[6:]}"
    yield "".join(chr(ord(digit) + 0xFEE0) for digit in number)


def _plant_torn(planter: Planter) -> None:
    for way in range(len(list(torn("Somebody")))):
        item = planter.instance()
        item.SpecificCharacterSet = "ISO_IR 192"
        word = list(torn(str(item.PatientName).split("^")[0]))[way]
        _say(planter, item, f"seen {word} again", word)
        planter.write(f"hidden/torn-{way}.dcm", item)
    for way in range(len(list(torn_number("12345678")))):
        item = planter.instance()
        item.SpecificCharacterSet = "ISO_IR 192"
        number = str(71_046_300 + planter.count)
        planter.replace(item, "PatientID", number)
        told = list(torn_number(number))[way]
        _say(planter, item, f"no. {told} again", told)
        planter.write(f"hidden/torn-number-{way}.dcm", item)


def _plant_codes(planter: Planter) -> None:
    """Somebody's name where a code should be."""
    keywords = ("PhotometricInterpretation", "BurnedInAnnotation", "Modality", "BodyPartExamined")
    more = ("VOILUTFunction", "PixelIntensityRelationship", "LossyImageCompressionMethod", "PatientPosition")
    for keyword in (*keywords, *more):
        item = planter.instance()
        family = str(item.PatientName).split("^")[0]
        setattr(item, keyword, family[:16])
        planter.note(family, keyword, Kind.OWN_VALUE)
        planter.write(f"hidden/code-{keyword}.dcm", item)


def _plant_uids(planter: Planter) -> None:
    """UIDs as PS3.5 forbids them, and classes that nobody has registered."""
    for name, uid in (("zeros", f"{ROOT}.007.{planter.count}"), ("short", f"1.3.{10**11 + planter.count}")):
        item = planter.instance()
        planter.replace(item, "StudyInstanceUID", uid)
        _say(planter, item, f"as in {uid}, or uid.{uid}.dcm", uid)
        planter.write(f"hidden/uid-{name}.dcm", item)
    item = planter.instance()
    own = f"1.2.840.10008.5.1.4.1.1.{7 * 10**9 + planter.count}"
    planter.replace(item, "PatientID", own.rsplit(".", maxsplit=1)[1])
    item.ReferencedImageSequence = Sequence(
        [_item(ReferencedSOPClassUID=own, ReferencedSOPInstanceUID=item.SOPInstanceUID)]
    )
    planter.write("hidden/uid-class.dcm", item)


def _plant_bytes(planter: Planter) -> None:
    """A text where a number or an ICC profile should be."""
    tags = {"number": (0x00189087, "OB"), "profile": (0x00282000, "OB")}
    for name, (tag, vr) in tags.items():
        item = planter.instance()
        family = str(item.PatientName).split("^")[0]
        item.add_new(tag, vr, f"desc of {family} at home ".encode().ljust(64))
        planter.note(family, f"{tag:08X}", Kind.OWN_VALUE)
        planter.write(f"hidden/bytes-{name}.dcm", item)
