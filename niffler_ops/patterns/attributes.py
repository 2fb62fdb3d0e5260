"""The attributes that a pattern names: tags and keywords, also those of sequence items."""

import difflib
import re
from typing import NamedTuple

_STUDY_LEVEL_TAGS = {
    "00080020": ("StudyDate", "DA"),
    "00080030": ("StudyTime", "TM"),
    "00080050": ("AccessionNumber", "SH"),
    "00080090": ("ReferringPhysicianName", "PN"),
    "00081030": ("StudyDescription", "LO"),
    "00100010": ("PatientName", "PN"),
    "00100020": ("PatientID", "LO"),
    "00100021": ("IssuerOfPatientID", "LO"),
    "00100030": ("PatientBirthDate", "DA"),
    "00100040": ("PatientSex", "CS"),
    "0020000D": ("StudyInstanceUID", "UI"),
    "00200010": ("StudyID", "SH"),
}
# The tags that patterns really use: pydicom's dictionary takes 0.15 s to import and knows the rest.
_COMMON_TAGS = _STUDY_LEVEL_TAGS | {
    "00080016": ("SOPClassUID", "UI"),
    "00080018": ("SOPInstanceUID", "UI"),
    "00080021": ("SeriesDate", "DA"),
    "00080031": ("SeriesTime", "TM"),
    "00080060": ("Modality", "CS"),
    "0008103E": ("SeriesDescription", "LO"),
    "0020000E": ("SeriesInstanceUID", "UI"),
    "00200011": ("SeriesNumber", "IS"),
    "00200013": ("InstanceNumber", "IS"),
}
_COMMON_VRS = dict(_COMMON_TAGS.values())
_STUDY_LEVEL = frozenset(keyword for keyword, _ in _STUDY_LEVEL_TAGS.values())

_STEP = re.compile(r"(?P<name>[A-Za-z0-9]+)(?:\[(?P<number>[0-9]{1,4})\])?")
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_FIRST_DATA_ELEMENT = 0x00080000  # groups below belong to messages and to the file meta information
_ONE_VALUE = frozenset({"LT", "ST", "UR", "UT"})
_NO_TEXT = frozenset({"SQ", "OB", "OW", "OB or OW", "OD", "OF", "OL", "OV", "UN", "AT"})


class Attribute(NamedTuple):
    """An attribute under the name that it is read by: a keyword, or a path such as 00400275[0]/00400009."""

    key: str
    vr: str

    @property
    def of_study(self) -> bool:
        """Whether all instances of a study have the same value."""
        return self.key in _STUDY_LEVEL


class _Step(NamedTuple):
    """One attribute on the way into a sequence's items; `number` is that of the item or value."""

    keyword: str
    tag: str
    vr: str
    number: int | None
    position: int


def parse_attribute(text: str, position: int) -> tuple[Attribute, int | None]:
    """The attribute that `text` names, and which of its values, the first being 0; None for all.

    ValueError names the character, `position` being that of the first.
    """
    steps = []
    for name in re.split("[./]", text):
        steps.append(_step(name, position))
        position += len(name) + 1
    for step in steps[:-1]:
        if step.vr != "SQ":
            raise ValueError(f"character {step.position}: `{step.keyword}` is no sequence")
    _check_value(steps[-1])
    return Attribute(_key(steps), steps[-1].vr), steps[-1].number


def _check_value(step: _Step) -> None:
    if step.vr in _NO_TEXT:
        hint = f"; name an attribute of its items, as in {step.keyword}.CodeValue" if step.vr == "SQ" else ""
        raise ValueError(f"character {step.position}: the value of `{step.keyword}` is not text{hint}")
    if step.vr in _ONE_VALUE and step.number is not None:
        raise ValueError(f"character {step.position}: `{step.keyword}` never has more than one value")


def _key(steps: list[_Step]) -> str:
    if len(steps) == 1:
        return steps[0].keyword
    return "".join(f"{step.tag}[{step.number or 0}]/" for step in steps[:-1]) + steps[-1].tag


def _step(text: str, position: int) -> _Step:
    match = _STEP.fullmatch(text)
    if match is None:
        raise ValueError(
            f"character {position}: `{text}` is not understood: an attribute is written `ggggeeee` or as its "
            "keyword, one of a sequence's item `Sequence.Attribute`, one of several values `Attribute[0]`"
        )
    keyword, tag, vr = _look_up(match["name"], position)
    return _Step(keyword, tag, vr, int(match["number"]) if match["number"] else None, position)


def _look_up(name: str, position: int) -> tuple[str, str, str]:
    """Keyword, tag and VR of what a pattern names."""
    if common := _COMMON_TAGS.get(name.upper()):
        return common[0], name.upper(), common[1]
    if vr := _COMMON_VRS.get(name):
        return name, next(tag for tag, (keyword, _) in _COMMON_TAGS.items() if keyword == name), vr
    return _look_up_rare(name, position)


def _look_up_rare(name: str, position: int) -> tuple[str, str, str]:
    """The same for what only pydicom's dictionary knows."""
    from pydicom import datadict  # noqa: PLC0415  its import takes longer than niffler-status may

    is_tag = _TAG.fullmatch(name) is not None
    keyword = datadict.keyword_for_tag(int(name, 16)) if is_tag else name
    tag = datadict.tag_for_keyword(keyword) if keyword else None
    if tag is None:
        close = difflib.get_close_matches(name, datadict.keyword_dict, n=1)
        hint = f"; is {close[0]} meant?" if close and not is_tag else ""
        raise ValueError(f"character {position}: the DICOM dictionary does not know `{name}`{hint}")
    if tag < _FIRST_DATA_ELEMENT or (is_tag and tag != int(name, 16)):
        raise ValueError(f"character {position}: `{name}` is no attribute that every data set has once")
    return keyword, f"{tag:08X}", datadict.dictionary_VR(tag)
