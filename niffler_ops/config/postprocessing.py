"""The keys of config.json about what is made of each finished study."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from niffler_ops.config.executor import ExecutorUrl
from niffler_ops.config.kinds import Choice, Maybe, Place, Seconds, Whole
from niffler_ops.config.several import Places, Several, StoreUrl, Words

PROCESSORS = ("metadata", "png", "deidentify", "command")
DEFAULT_OPTIONS = ("RetainModifiedDates", "RetainPatientCharacteristics")


class PostProcessingKeys(BaseModel):
    """What leaves identity behind, where it goes, and how it is made."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    post_processors: Annotated[tuple[str, ...], Several(*PROCESSORS)] = Field(
        (),
        alias="PostProcessors",
        description="What is made of each study once it is done: records for research (`metadata`), "
        "pictures (`png`), de-identified DICOM (`deidentify`), or what the site's own `Command` makes of it",
        examples=[["metadata", "png"]],
    )
    given_output_folder: Annotated[Path | None, Maybe(Place("a folder"))] = Field(
        None,
        alias="OutputFolder",
        description="Where what leaves identity behind goes, never StorageFolder; by default StorageFolder "
        "with `-deidentified` after its name",
        examples=["/data/new-study-deidentified"],
    )
    metadata_store: Annotated[str | None, Maybe(StoreUrl())] = Field(
        None,
        alias="MetadataStore",
        description="Where the records of `metadata` are stored; by default what MONGO_URI in the "
        "environment names, else metadata.sqlite in StorageFolder's .niffler",
        examples=["mongodb://localhost:27017/research"],
    )
    featuresets: Annotated[tuple[Path, ...], Places("a file, a folder of files, or a list of them")] = Field(
        (),
        alias="Featureset",
        description="Which attributes the records of `metadata` have: text files, one collection each, "
        "named by the file; by default featuresets/default.txt of the package",
        examples=["featuresets/ct.txt"],
    )
    pseudonym_key: Annotated[Path | None, Maybe(Place("a file"))] = Field(
        None,
        alias="PseudonymKey",
        description="The secret behind the pseudonyms, made at first use; extractions that name the same "
        "file share pseudonyms; by default pseudonym.key in StorageFolder's .niffler",
        examples=["/etc/niffler/pseudonym.key"],
    )
    deidentify_options: Annotated[
        tuple[str, ...],
        Several(
            "RetainModifiedDates",
            "RetainFullDates",
            "RetainDeviceIdentity",
            "RetainPatientCharacteristics",
            "CleanDescriptors",
            empty=DEFAULT_OPTIONS,
        ),
    ] = Field(
        DEFAULT_OPTIONS,
        alias="DeidentifyOptions",
        description="Options of the Basic Profile of DICOM PS3.15 Annex E; an empty list is the bare profile",
        examples=[["RetainModifiedDates", "RetainDeviceIdentity"]],
    )
    png_bits: Annotated[int, Whole(8, 16, "bits")] = Field(
        8,
        alias="PngBits",
        description="Depth of grey pictures: 8 or 16",
        examples=[16],
    )
    png_values: Annotated[Literal["display", "raw"], Choice("display", "raw")] = Field(
        "display",
        alias="PngValues",
        description="Whether grey pictures are shown as on a workstation, or hold the measured values in "
        "16 bit",
        examples=["raw"],
    )
    png_scaling: Annotated[Literal["full", "image", "series"], Choice("full", "image", "series")] = Field(
        "full",
        alias="PngScaling",
        description="What is black and white where an image says no window: its full range of values, or the "
        "1st and 99th percentile of the `image` or of its `series`",
        examples=["series"],
    )
    png_aspect: Annotated[Literal["state", "resample"], Choice("state", "resample")] = Field(
        "state",
        alias="PngAspect",
        description="Whether pixels that are not square stay as they are, and mapping.csv states their "
        "shape, or are resampled",
        examples=["resample"],
    )
    command: Annotated[tuple[str, ...], Words()] = Field(
        (),
        alias="Command",
        description="The site's own post-processor, run for each study with a JSON description on its "
        "standard input; exit status 0 is done, 75 again later, any other failed",
        examples=[["/opt/site/convert", "--fast"]],
    )
    post_workers: Annotated[int, Whole(1, 256, "processes")] = Field(
        2,
        alias="PostWorkers",
        description="Processes that post-process at once",
        examples=[8],
    )
    executor: Annotated[str, ExecutorUrl()] = Field(
        "",
        alias="Executor",
        description="Where the post-processors work: in PostWorkers processes of this machine, or on Dask's "
        "distributed scheduler or Slurm, for which StorageFolder and OutputFolder are on a shared file "
        "system; by default on this machine",
        examples=["dask://scheduler.example.org:8786"],
    )
    post_timeout: Annotated[float, Seconds()] = Field(
        3600.0,
        alias="PostTimeout",
        description="Time for one study in one post-processor after which its worker is ended",
        examples=[600],
    )
