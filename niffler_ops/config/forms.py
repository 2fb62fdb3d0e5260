"""The two forms of the query: which CSV columns are which keys, or everything that is wrong about it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from niffler_ops.config.attributes import keyword_of
from niffler_ops.model import KeyColumn, Listing
from niffler_ops.querying import level_of


class Problem(NamedTuple):
    """What is wrong with the value of one key: its attribute of Config, and what is `allowed`."""

    attribute: str
    allowed: str


class ProblemsError(ValueError):
    """What is wrong with keys that are right by themselves."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(f"{attribute}: allowed: {allowed}" for attribute, allowed in problems))
        self.problems = tuple(problems)


class _Column(NamedTuple):
    """An attribute of the query, the key that names it ("" where ExtractionType does) and its column's."""

    name: str
    name_key: str
    index_key: str


_NAMES: Mapping[str, str] = {
    "patient_index": "PatientIndex",
    "accession_index": "AccessionIndex",
    "date_index": "DateIndex",
    "first_attr": "FirstAttr",
    "first_index": "FirstIndex",
    "second_attr": "SecondAttr",
    "second_index": "SecondIndex",
    "third_attr": "ThirdAttr",
    "third_index": "ThirdIndex",
}
_PAIRS = (("first_attr", "first_index"), ("second_attr", "second_index"), ("third_attr", "third_index"))
_LATER_FORM = ("number_of_query_attributes", *(key for pair in _PAIRS for key in pair))
_EARLIER_FORM = ("patient_index", "accession_index", "date_index")
_WRONG = object()  # stands for a value that is not in the data because it has been refused


def key_columns(data: Mapping[str, Any]) -> tuple[tuple[KeyColumn, ...], list[Problem]]:
    """The columns that the configuration names, none where the CSV's header does; and what is wrong.

    `data` holds the values of Config by attribute, without those that have been refused by themselves.
    """
    extraction = data.get("extraction_type", _WRONG)
    if any(_is_given(data, key) for key in _LATER_FORM):
        problems = [*_mixed(data), *_pair_problems(data)]
        columns = [
            _Column(data[name], name, index)
            for name, index in _pairs(data)
            if isinstance(data.get(name), str)
        ]
    elif extraction is None:
        form = (
            "`empi_accession`, `empi`, `accession`, `empi_date` or `header`, or FirstAttr and FirstIndex"
            " instead"
        )
        return (), [Problem("extraction_type", form)]
    elif extraction in {_WRONG, "header"}:
        return (), []
    else:
        columns = _fixed(extraction, data)
        problems = [
            Problem(key, f"a column number, because ExtractionType `{extraction}` needs it")
            for _, _, key in columns
            if data.get(key, _WRONG) is None
        ]
    problems += _repeated(columns, data)
    named = [column for column in columns if isinstance(data.get(column.index_key), int)]
    return tuple(_key_column(column, data) for column in named), problems


def destination_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Archives of which some send to us and others to another system, which is another kind of work."""
    local, default = data.get("query_aet"), data.get("dest_aet")
    destinations = [archive.destination or default for archive in data.get("archive_entries", ())]
    if local is not None and len({destination == local.aet for destination in destinations}) > 1:
        yield Problem("archive_entries", f"archives that all send to QueryAet's {local.aet}, or none of them")


def post_processing_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Post-processors that have nothing to work on, lack what they need, or write where identity is."""
    processors = data.get("post_processors", ())
    if processors and isinstance(data.get("filing"), Listing):
        yield Problem("post_processors", f"an empty list where FilePath is {data['filing']}")
    elif processors and data.get("dest_aet") not in {None, data.get("query_aet") and data["query_aet"].aet}:
        yield Problem("post_processors", "an empty list where the images go to another system (DestAet)")
    if "command" in processors and data.get("command") == ():
        yield Problem("command", "the site's command, because PostProcessors names `command`")
    if data.get("png_bits") not in {None, 8, 16}:
        yield Problem("png_bits", "8 or 16")
    if {"RetainModifiedDates", "RetainFullDates"} <= set(data.get("deidentify_options") or ()):
        yield Problem("deidentify_options", "either `RetainModifiedDates` or `RetainFullDates`")
    yield from place_problems(data)


def place_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """What leads back to people would stand where OutputFolder leaves, or the reverse; links are followed."""
    storage = data.get("storage_folder")
    if storage is None:
        return
    if not storage.name:
        yield Problem("storage_folder", "a folder below the root of the file system")
        return
    output = _real(data.get("given_output_folder") or output_beside(storage))
    if _stands_in(output, _real(storage)):
        yield Problem("given_output_folder", "a folder outside StorageFolder")
    elif _stands_in(_real(storage), output):
        yield Problem("given_output_folder", "a folder that StorageFolder is not in")
    for attribute, what in (("pseudonym_key", "file"), ("ledger_folder", "folder")):
        private = data.get(attribute)
        if private is not None and _stands_in(_real(private), output):
            yield Problem(attribute, f"a {what} outside OutputFolder, which leaves")


def output_beside(storage: Path) -> Path:
    """The OutputFolder of a StorageFolder where none is given."""
    return storage.with_name(f"{storage.name}-deidentified")


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _stands_in(path: Path, folder: Path) -> bool:
    return path == folder or folder in path.parents


def _is_given(data: Mapping[str, Any], key: str) -> bool:
    return data.get(key, _WRONG) is not None


def _fixed(extraction: str, data: Mapping[str, Any]) -> list[_Column]:
    patient = _Column("PatientID", "", "patient_index")
    accession = _Column("AccessionNumber", "", "accession_index")
    if extraction in {"empi", "accession"}:
        return [patient if extraction == "empi" else accession]
    if extraction == "empi_accession":
        return [patient, accession]
    return [patient, _Column(data.get("date_type", "StudyDate"), "date_type", "date_index")]


def _mixed(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Keys of the earlier form beside those of the later one."""
    nothing = "no value beside FirstAttr and NumberOfQueryAttributes, which are another form of the query"
    if data.get("extraction_type") is not None:
        yield Problem("extraction_type", nothing)
    for key in _EARLIER_FORM:
        if data.get(key) is not None:
            yield Problem(key, nothing)
    if data.get("date_type", "StudyDate") != "StudyDate":
        yield Problem("date_type", nothing)


def _pairs(data: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    """The pairs of keys that the query needs: as many as it says, else as are given."""
    given = [place for place, pair in enumerate(_PAIRS, 1) if any(_is_given(data, key) for key in pair)]
    return _PAIRS[: data.get("number_of_query_attributes") or max(given, default=0)]


def without_effect(given: Mapping[str, Any]) -> list[str]:
    """The given keys beyond NumberOfQueryAttributes, by their names in the file: they are not asked for."""
    number = str(given.get("NumberOfQueryAttributes", "")).strip()
    beyond = _PAIRS[int(number) :] if number.isdecimal() and int(number) else ()
    names = (_NAMES[attribute] for pair in beyond for attribute in pair)
    return [name for name in names if given.get(name) not in {None, ""}]


def _pair_problems(data: Mapping[str, Any]) -> Iterator[Problem]:
    """What is missing of the pairs that the query needs, and whether it finds studies at all."""
    needed = _pairs(data)
    for name, index in needed:
        for key, other in ((name, index), (index, name)):
            if not _is_given(data, key):
                yield Problem(key, _missing(data, key, other))
    names = [data.get(name) for name, _ in needed]
    if names and all(isinstance(name, str) and level_of(keyword_of(name)) != "STUDY" for name in names):
        yield Problem("first_attr", "at least one attribute of patient or study level, such as `PatientID`")


def _missing(data: Mapping[str, Any], key: str, other: str) -> str:
    what = "a column number" if key.endswith("index") else "a DICOM keyword"
    if _is_given(data, other):
        return f"{what}, because {_NAMES[other]} is given"
    if data.get("number_of_query_attributes"):
        return f"{what}, because NumberOfQueryAttributes is {data['number_of_query_attributes']}"
    return f"{what}, because later attributes are given"


def _repeated(columns: list[_Column], data: Mapping[str, Any]) -> Iterator[Problem]:
    """Attributes that are asked for twice, and columns that are named twice."""
    keywords: dict[str, str] = {}
    indexes: dict[int, str] = {}
    for name, name_key, index_key in columns:
        keyword, index = keyword_of(name), data.get(index_key)
        earlier = keywords.setdefault(keyword, name_key)
        if earlier != name_key:
            yield Problem(name_key, f"another attribute than {_NAMES[earlier]}; both ask for {keyword}")
        if index is not None and (named := indexes.setdefault(index, index_key)) != index_key:
            yield Problem(index_key, f"another column than {_NAMES[named]} names")


def _key_column(column: _Column, data: Mapping[str, Any]) -> KeyColumn:
    return KeyColumn(
        keyword=keyword_of(column.name),
        name=column.name,
        index=data[column.index_key],
        named_by=_NAMES[column.index_key],
    )
