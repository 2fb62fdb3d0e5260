"""FilePath: where an instance is filed, and how values become path components that never meet.

A pattern is dcm4che's, as far as it is understood: literals, `{ggggeeee}` or `{keyword}`, and `,md5`.

How a value is written. Letters, digits and `. _ - + = , @ ^` stand for themselves, except a leading dot.
Every other character becomes `%XX` for each byte of its UTF-8, an empty value `%empty`; a value too long
for its component is cut and ends in `%%` and 128 bits of its SHA-256. The three forms exclude each other,
so the encoding is injective. Where a component holds several values, each but the last also escapes one
character of the literal that follows it: the first such character ends the value, so the values can be
told apart. Names that differ only in case stay distinct only on a file system that tells case.
"""

import difflib
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import NamedTuple

EMPTY = "%empty"  # `e` is no digit of an escape, which are upper case
CUT = "%%"  # no escape begins so
MAX_COMPONENT = 255  # bytes; ext4, XFS, NFS and CIFS agree
MAX_COMPONENTS = 12  # of 255 bytes each: leaves a quarter of PATH_MAX (4096) for StorageFolder
MIN_ROOM = 64  # characters a value can always use: a UID stays whole
MD5_LENGTH = 26

# The tags that patterns really use: pydicom's dictionary takes 0.15 s to import and knows the rest.
_STUDY_LEVEL_TAGS = {
    "00080020": "StudyDate",
    "00080030": "StudyTime",
    "00080050": "AccessionNumber",
    "00080090": "ReferringPhysicianName",
    "00081030": "StudyDescription",
    "00100010": "PatientName",
    "00100020": "PatientID",
    "00100021": "IssuerOfPatientID",
    "00100030": "PatientBirthDate",
    "00100040": "PatientSex",
    "0020000D": "StudyInstanceUID",
    "00200010": "StudyID",
}
_COMMON_TAGS = _STUDY_LEVEL_TAGS | {
    "00080016": "SOPClassUID",
    "00080018": "SOPInstanceUID",
    "00080021": "SeriesDate",
    "00080031": "SeriesTime",
    "00080060": "Modality",
    "0008103E": "SeriesDescription",
    "0020000E": "SeriesInstanceUID",
    "00200011": "SeriesNumber",
    "00200013": "InstanceNumber",
}
_STUDY_LEVEL = frozenset(_STUDY_LEVEL_TAGS.values())
_COMMON = frozenset(_COMMON_TAGS.values())

_TOKEN = re.compile(r"\{(?P<placeholder>[^{}]*)\}|(?P<literal>[^{}/]+)|(?P<slash>/)|(?P<stray>[{}])")
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
_PLACEHOLDER = re.compile(r"([0-9A-Fa-f]{8}|[A-Za-z][A-Za-z0-9]*)(?:,(.*))?", re.DOTALL)
_PLAIN = r"A-Za-z0-9._+=,@^-"
_BROKEN_ESCAPE = re.compile(r"%[0-9A-F]?\Z")
_DIGITS = "0123456789abcdefghijklmnopqrstuv"
_DIGIT_PAIRS = tuple(low + high for high in _DIGITS for low in _DIGITS)
_FIRST_DATA_ELEMENT = 0x00080000  # groups below belong to messages and to the file meta information
_NO_TEXT = frozenset({"SQ", "OB", "OW", "OB or OW", "OD", "OF", "OL", "OV", "UN", "AT"})


def md5_text(value: str) -> str:
    """Dcm4che's `,md5`: 26 characters of 0-9a-v.

    The least significant digit comes first. dcm4che loses the first byte of each half of the digest in a
    shift, so a zero takes the place after its last one (AttributesFormat.toLong): 112 bits are left.
    """
    digest = hashlib.md5(value.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()
    number = int.from_bytes(digest[9:16] + b"\0" + digest[1:8] + b"\0")
    return "".join([_DIGIT_PAIRS[(number >> shift) & 0x3FF] for shift in range(0, 5 * MD5_LENGTH, 10)])


class _Literal(NamedTuple):
    """Text that stands in every path."""

    text: str
    position: int


class _Placeholder(NamedTuple):
    """An attribute, whole or as its md5."""

    keyword: str
    md5: bool
    position: int


_Component = list[_Literal | _Placeholder]


@dataclass(frozen=True, slots=True)
class _Value:
    """How one attribute is written into its component; injective for `md5` false."""

    keyword: str
    md5: bool
    room: int
    plain: re.Pattern[str]
    special: re.Pattern[str]

    def render(self, attributes: Mapping[str, str]) -> str:
        """The attribute's part of the component."""
        value = attributes[self.keyword]
        if self.md5:
            return md5_text(value)
        if len(value) <= self.room and self.plain.fullmatch(value):
            return value
        return self._escaped(value) if value else EMPTY

    def _escaped(self, value: str) -> str:
        text = self.special.sub(_escape, value)
        if len(text) <= self.room:
            return text
        digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:32].upper()
        return _BROKEN_ESCAPE.sub("", text[: self.room - len(digest) - len(CUT)]) + CUT + digest


@dataclass(frozen=True, slots=True)
class FilePattern:
    """A parsed FilePath.

    `keywords` are the attributes it needs. `study_depth` is the number of leading components that make
    a folder of the study's own, or None: they hold the Study Instance UID and nothing below study level.
    """

    text: str
    keywords: tuple[str, ...] = field(compare=False)
    study_depth: int | None = field(compare=False)
    _components: tuple[tuple[str | _Value, ...], ...] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> "FilePattern":
        """Read a pattern; ValueError says what is wrong with it and at which character, the first being 1."""
        components = _split(text)
        if len(components) > MAX_COMPONENTS:
            raise ValueError(f"{len(components)} levels are more than {MAX_COMPONENTS}")
        compiled = tuple(_compile(component) for component in components)
        keywords = tuple(dict.fromkeys(found.keyword for found in _placeholders(components)))
        if "SOPInstanceUID" not in keywords:
            raise ValueError("it cannot tell instances apart: it needs {00080018} or {00080018,md5}")
        return cls(text, keywords, _study_depth(components), compiled)

    def __str__(self) -> str:
        return self.text

    def path(self, attributes: Mapping[str, str]) -> PurePosixPath:
        """The relative path for these values; KeyError where one of `keywords` is missing.

        It has the pattern's number of levels, whatever the values, and stays below its folder.
        """
        return PurePosixPath(
            "/".join(
                [
                    "".join([part if isinstance(part, str) else part.render(attributes) for part in parts])
                    for parts in self._components
                ]
            )
        )


def _escape(match: re.Match[str]) -> str:
    return "".join([f"%{byte:02X}" for byte in match[0].encode("utf-8", "surrogatepass")])


def _split(text: str) -> list[_Component]:
    """The components of a pattern, with each literal and placeholder checked by itself."""
    components: list[_Component] = [[]]
    for token in _TOKEN.finditer(text):
        position = token.start() + 1
        if token["stray"]:
            raise ValueError(f"character {position}: `{token['stray']}` without its counterpart")
        if token["slash"]:
            _check_component(components[-1], position)
            components.append([])
        elif token["literal"]:
            components[-1].append(_literal(token["literal"], position))
        else:
            components[-1].append(_placeholder(token["placeholder"], position))
    _check_component(components[-1], len(text) + 1)
    return components


def _check_component(component: _Component, end: int) -> None:
    if not component:
        remedy = "a path below StorageFolder begins without `/`" if end == 1 else "a name is missing"
        raise ValueError(f"character {end}: {remedy}")
    first = component[0]
    if isinstance(first, _Literal) and first.text.startswith("."):
        raise ValueError(f"character {first.position}: a name must not begin with a dot")


def _literal(text: str, position: int) -> _Literal:
    for offset, character in enumerate(text):
        if character == "'":
            raise ValueError(f"character {position + offset}: quotes are not understood yet")
        if character == "\\" or not character.isprintable():
            raise ValueError(f"character {position + offset}: {character!r} is not allowed")
    return _Literal(text, position)


def _placeholder(text: str, position: int) -> _Placeholder:
    match = _PLACEHOLDER.fullmatch(text)
    if match is None or match[1] == "now":
        raise ValueError(
            f"character {position}: `{{{text}}}` is not understood yet: "
            "`{ggggeeee}` and `{keyword}` are, each also with `,md5`"
        )
    if match[2] not in (None, "md5"):
        where = position + 1 + len(match[1])
        raise ValueError(f"character {where}: `,{match[2]}` is not understood yet: `,md5` is")
    return _Placeholder(_keyword(match[1], position), match[2] is not None, position)


def _keyword(name: str, position: int) -> str:
    """The keyword that a tag or keyword of the pattern means."""
    if name in _COMMON:
        return name
    if keyword := _COMMON_TAGS.get(name.upper()):
        return keyword
    return _look_up(name, position)


def _look_up(name: str, position: int) -> str:
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
    if datadict.dictionary_VR(tag) in _NO_TEXT:
        raise ValueError(f"character {position}: the value of `{name}` is not text")
    return keyword


def _placeholders(components: Sequence[_Component]) -> Iterator[_Placeholder]:
    for component in components:
        yield from (part for part in component if isinstance(part, _Placeholder))


def _compile(component: _Component) -> tuple[str | _Value, ...]:
    """The component with, for each value, the room it has and the characters it escapes."""
    values = [part for part in component if isinstance(part, _Placeholder) and not part.md5]
    used = sum(
        len(part.text.encode()) if isinstance(part, _Literal) else MD5_LENGTH * part.md5 for part in component
    )
    room = (MAX_COMPONENT - used) // max(len(values), 1)
    if room < (MIN_ROOM if values else 0):
        raise ValueError(f"character {component[0].position}: its name may exceed {MAX_COMPONENT} bytes")
    return tuple(
        part.text if isinstance(part, _Literal) else _value(part, room, _separator(component, index))
        for index, part in enumerate(component)
    )


def _value(placeholder: _Placeholder, room: int, separator: str) -> _Value:
    kept = _PLAIN.replace(separator, "") if separator in "._+=,@^-" else _PLAIN
    return _Value(
        keyword=placeholder.keyword,
        md5=placeholder.md5,
        room=room,
        plain=re.compile(rf"(?!\.)[{kept}]+"),
        special=re.compile(rf"\A\.|[^{kept}]"),
    )


def _separator(component: _Component, index: int) -> str:
    """The character that ends the value at `index` and that it must escape; "" where none is needed.

    No letter, digit or `%`: escapes, EMPTY and CUT are made of these.
    """
    part = component[index]
    others = (later for later in component[index + 1 :] if isinstance(later, _Placeholder) and not later.md5)
    if not isinstance(part, _Placeholder) or part.md5 or next(others, None) is None:
        return ""
    following = component[index + 1]
    if isinstance(following, _Literal):
        for character in following.text:
            if not character.isalnum() and character != "%":
                return character
    raise ValueError(
        f"character {part.position}: `{part.keyword}` and the value after it cannot be told apart: "
        "put `_` or `/` behind it"
    )


def _study_depth(components: Sequence[_Component]) -> int | None:
    for depth, component in enumerate(components[:-1], start=1):
        keywords = {found.keyword for found in _placeholders([component])}
        if not keywords <= _STUDY_LEVEL:
            return None
        if "StudyInstanceUID" in keywords:
            return depth
    return None
