"""meta.json: the keys of the real-time receiver, and the file to one MetaConfig, or every error at once."""

from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import ConfigDict, Field, ValidationError, ValidationInfo

from niffler_ops.config.commented_json import JsonError, read_object
from niffler_ops.config.extraction import DEFAULT_FILE_PATH
from niffler_ops.config.filing import Filing
from niffler_ops.config.forms import ProblemsError, output_beside, place_problems
from niffler_ops.config.keys import Key, describe
from niffler_ops.config.kinds import Kind, Maybe, Place, Seconds, Space, Text, Whole
from niffler_ops.config.network import Local
from niffler_ops.config.notices import ChannelKeys, notice_problems
from niffler_ops.config.several import Places, Several, StoreUrl
from niffler_ops.config.system import EMBEDDED, Toolkit
from niffler_ops.config.wording import likely_key, located, missing, unknown_key, wrong_keys, wrong_value
from niffler_ops.errors import ConfigurationError
from niffler_ops.model import FreeSpace, LocalEntity
from niffler_ops.patterns import FilePattern

MOST_MINUTES, MOST_HOURS = 10_080, 87_600


class Locals(Kind):
    """Our own application entities, as one entry or a list of several, each with a port of its own."""

    allowed = f"{Local.allowed}, or a list of these with different ports"

    def read(self, value: Any) -> tuple[LocalEntity, ...]:
        """AE titles and ports."""
        entries = value if isinstance(value, list) else [value]
        try:
            found = tuple(Local().read(entry) for entry in entries)
        except ValueError:
            raise ValueError(self.allowed) from None
        if not found or len({entity.port for entity in found}) < len(found):
            raise ValueError(self.allowed)
        return found


class Pattern(Kind):
    """A FilePath that files what it receives."""

    allowed = "a pattern such as `{00100020}/{0020000D}/{0020000E}/{00080018}.dcm`"

    def read_in(self, value: Any, info: ValidationInfo) -> FilePattern:
        """The parsed pattern."""
        try:
            found = Filing().read_in(value, info)
        except ValueError as error:
            raise ValueError(str(error).replace(Filing.allowed, self.allowed)) from None
        if not isinstance(found, FilePattern) or found.needs_moment:
            raise ValueError(self.allowed)
        return found


class Minutes(Kind):
    """A span of time, in minutes; also a part of one."""

    unit = "minutes"
    allowed = f"a number of minutes from 0 to {MOST_MINUTES}"

    def read(self, value: Any) -> float:
        """Minutes."""
        try:
            return Seconds(0, MOST_MINUTES).read(value)
        except ValueError:
            raise ValueError(self.allowed) from None


class MetaKeys(ChannelKeys):
    """The keys of meta.json."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    dcm4che_bin: Annotated[str, Toolkit()] = Field(
        EMBEDDED,
        alias="DCM4CHEBin",
        description="The DICOM toolkit: dcm4che's bin folder, or `embedded`, which needs no Java",
        examples=["/opt/dcm4che-5.22.5/bin"],
    )
    local_entities: Annotated[tuple[LocalEntity, ...], Locals()] = Field(
        alias="QueryAet",
        description="Our own AE title and the port on which the stream is received; or several",
        examples=["QBNIFFLER:10243"],
    )
    storage_folder: Annotated[Path, Place("a folder")] = Field(
        alias="StorageFolder",
        description="Where received images wait until they are deleted",
        examples=["/data/received"],
    )
    file_path: Annotated[FilePattern, Pattern()] = Field(
        DEFAULT_FILE_PATH,
        validate_default=True,
        alias="FilePath",
        description="Where in StorageFolder an instance waits, in dcm4che's pattern language "
        "(docs/filepath.md)",
        examples=["{PatientID}/{StudyInstanceUID}/{SOPInstanceUID}.dcm"],
    )
    metadata_store: Annotated[str | None, Maybe(StoreUrl())] = Field(
        None,
        alias="MetadataStore",
        description="Where the records are stored; by default what MONGO_URI in the environment names, else "
        "metadata.sqlite in StorageFolder's .niffler",
        examples=["mongodb://localhost:27017/ScannersInfo"],
    )
    featuresets: Annotated[tuple[Path, ...], Places("a file, a folder of files, or a list of them")] = Field(
        (),
        alias="Featuresets",
        description="Which attributes the records have: text files, one collection each, named by the file",
        examples=["featuresets"],
    )
    delete_hour: Annotated[int, Whole(0, 23, "hour, local time")] = Field(
        23,
        alias="DeleteHour",
        description="When images are deleted whose metadata is stored",
        examples=[2],
    )
    settle_minutes: Annotated[float, Minutes()] = Field(
        10.0,
        alias="SettleMinutes",
        description="Quiet time after which a series is settled",
        examples=[30],
    )
    keep_images_hours: Annotated[int, Whole(0, MOST_HOURS, "hours")] = Field(
        0,
        alias="KeepImagesHours",
        description="How long images are kept at least",
        examples=[48],
    )
    pass_on: Annotated[tuple[str, ...], Several("png", "deidentify")] = Field(
        (),
        alias="PassOn",
        description="What is made of each settled study before its images are deleted",
        examples=[["png"]],
    )
    given_output_folder: Annotated[Path | None, Maybe(Place("a folder"))] = Field(
        None,
        alias="OutputFolder",
        description="Where PassOn writes; by default StorageFolder with `-deidentified` after its name",
        examples=["/data/received-deidentified"],
    )
    pseudonym_key: Annotated[Path | None, Maybe(Place("a file"))] = Field(
        None,
        alias="PseudonymKey",
        description="The secret behind the pseudonyms; by default pseudonym.key in StorageFolder's .niffler",
        examples=["/etc/niffler/pseudonym.key"],
    )
    min_free_disk: Annotated[FreeSpace, Space()] = Field(
        "5%",
        validate_default=True,
        alias="MinFreeDisk",
        description="Free space below which stored images are deleted at any hour, the oldest first",
        examples=["50 GB"],
    )
    java_options: Annotated[str | None, Text("options of the Java virtual machine")] = Field(
        None,
        alias="JavaOptions",
        description="Options for dcm4che's Java; by default a small heap and a quiet log",
        examples=["-Xmx256m"],
    )


class _Resolved(Kind):
    """What follows from several keys, and everything that is wrong about how they go together."""

    def read_in(self, value: Any, info: ValidationInfo) -> Path:  # noqa: ARG002  a default
        """Where PassOn writes; ProblemsError for all of MetaConfig at once."""
        problems = [*notice_problems(info.data), *place_problems(info.data)]
        if problems:
            raise ProblemsError(problems)
        given, storage = info.data.get("given_output_folder"), info.data.get("storage_folder")
        return given or (output_beside(storage) if storage else Path())


class MetaConfig(MetaKeys):
    """What niffler-meta is told. Paths are absolute. `output_folder`: where PassOn writes."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    # The last field, for its value and its errors follow from all others.
    output_folder: Annotated[Path, _Resolved()] = Field(Path(), validate_default=True)


META_KEYS = tuple(
    sorted(describe(MetaKeys, "meta.json"), key=lambda key: key.attribute in ChannelKeys.model_fields)
)
"""Every key of meta.json, in the order of the documentation."""
_BY_NAME: Mapping[str, Key] = {key.name: key for key in META_KEYS}
_BY_LOCATION = located(META_KEYS)


def load_meta(path: Path) -> MetaConfig:
    """Read meta.json. ConfigurationError lists everything that is wrong."""
    label = str(path)
    try:
        values, problems = read_object(path, label)
    except JsonError as error:
        raise ConfigurationError(str(error)) from None
    meant = {name: likely_key(name, _BY_NAME) for name in values if name not in _BY_NAME}
    problems += [unknown_key(label, name, likely, "docs/realtime.md") for name, likely in meant.items()]
    given = {name: value for name, value in values.items() if name in _BY_NAME and value is not None}
    context = {_BY_NAME[name].attribute: path.parent for name in given}
    try:
        loaded = MetaConfig.model_validate(given, context=context)
    except ValidationError as error:
        problems += _value_problems(error, given, label, suspected=meant.values())
    if problems:
        raise ConfigurationError(*problems)
    return loaded


def _value_problems(
    error: ValidationError, given: Mapping[str, Any], label: str, *, suspected: Container[str | None]
) -> Iterator[str]:
    """`suspected` are keys that a misspelt one may stand for: they are not said to be missing."""
    for key, allowed in wrong_keys(error, _BY_LOCATION):
        if key.name in given:
            yield wrong_value(label, key, given[key.name], allowed)
        elif key.name not in suspected:
            yield missing(label, key, allowed)
