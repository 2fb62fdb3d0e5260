"""The keys of config.json, set for each extraction."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from niffler_ops.config.kinds import LATER, Choice, Off, Place, Text
from niffler_ops.config.query import Column, DateFormat, Pattern
from niffler_ops.patterns import FilePattern

DEFAULT_FILE_PATH = "{00100020}/{0020000D}/{0020000E}/{00080018}.dcm"
_NO_MAIL = "no mail is sent yet"
_LATER_FORM = Off("no value", why=f"this form of the query {LATER}; ExtractionType does its work")


class ExtractionKeys(BaseModel):
    """What is retrieved, by which list, and where to."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    storage_folder: Annotated[Path, Place("a folder")] = Field(
        alias="StorageFolder",
        description="Where the retrieved files and everything about this extraction go; "
        "another folder is another extraction",
        examples=["/data/new-study"],
    )
    file_path: Annotated[FilePattern, Pattern()] = Field(
        DEFAULT_FILE_PATH,
        validate_default=True,
        alias="FilePath",
        description="Where in StorageFolder an instance is filed: `{ggggeeee}` or `{keyword}` for an "
        "attribute, `{00080018,md5}` for its digest",
        examples=["{PatientID}/{StudyDate}-{StudyInstanceUID}/{SOPInstanceUID}.dcm"],
    )
    csv_file: Annotated[Path, Place("a CSV file")] = Field(
        alias="CsvFile",
        description="The list of what to retrieve: a header line, then one query a line",
        examples=["new-study.csv"],
    )
    extraction_type: Annotated[
        Literal["empi_accession", "accession", "empi_date"],
        Choice("empi_accession", "accession", "empi_date", later="other keys"),
    ] = Field(
        alias="ExtractionType",
        description="What a CSV line holds: patient id and accession number, the accession number alone, "
        "or patient id and study date",
        examples=["empi_accession"],
    )
    patient_index: Annotated[int | None, Column()] = Field(
        None,
        validate_default=True,
        alias="PatientIndex",
        description="The CSV column of the patient id (EMPI), for `empi_accession` and `empi_date`",
        examples=[0],
    )
    accession_index: Annotated[int | None, Column()] = Field(
        None,
        validate_default=True,
        alias="AccessionIndex",
        description="The CSV column of the accession number, for `empi_accession` and `accession`",
        examples=[1],
    )
    date_index: Annotated[int | None, Column()] = Field(
        None,
        validate_default=True,
        alias="DateIndex",
        description="The CSV column of the date, for `empi_date`",
        examples=[2],
    )
    date_type: Annotated[Literal["StudyDate"], Choice("StudyDate", later="other dates")] = Field(
        "StudyDate",
        alias="DateType",
        description="Which date the date column holds",
        examples=["StudyDate"],
    )
    date_format: Annotated[str, DateFormat()] = Field(
        "%Y%m%d",
        alias="DateFormat",
        description="How the CSV writes dates, in the letters of Python's strptime; "
        "`%%m%d%y` is understood as `%m%d%y`",
        examples=["%m/%d/%Y"],
    )
    retrieve_level: Annotated[Literal["STUDY"], Choice("STUDY", later="other levels")] = Field(
        "STUDY",
        alias="RetrieveLevel",
        description="What is retrieved of a match: the whole study",
        examples=["STUDY"],
    )
    long_accession: Annotated[bool, Off("false", off=False)] = Field(
        False,  # noqa: FBT003  pydantic takes the default first
        alias="LongAccession",
        description="Shorten accession numbers of more than 16 characters as some archives do",
        examples=[False],
    )
    accept_other_patient_ids: Annotated[bool, Off("false", off=False)] = Field(
        False,  # noqa: FBT003  pydantic takes the default first
        alias="AcceptOtherPatientIDs",
        description="Believe answers whose patient id is another one linked to that asked for",
        examples=[False],
    )
    send_email: Annotated[bool, Off("false", off=False, why=_NO_MAIL)] = Field(
        False,  # noqa: FBT003  pydantic takes the default first
        alias="SendEmail",
        description="Send a mail when the extraction ends",
        examples=[False],
    )
    your_email: Annotated[str | None, Text("an address")] = Field(
        None,
        alias="YourEmail",
        description="Where the mail of SendEmail goes; without effect while that is false",
        examples=["you@example.org"],
    )
    post_processors: Annotated[None, Off("an empty list")] = Field(
        None,
        alias="PostProcessors",
        description="What is done with each retrieved study",
        examples=[[]],
    )
    output_folder: Annotated[None, Off("no value")] = Field(
        None,
        alias="OutputFolder",
        description="Where post-processors put what leaves identity behind",
        examples=[""],
    )
    metadata_store: Annotated[None, Off("no value", secret=True)] = Field(
        None,
        alias="MetadataStore",
        description="Where the metadata post-processor stores its records",
        examples=[""],
    )
    featureset: Annotated[None, Off("no value")] = Field(
        None,
        alias="Featureset",
        description="Which attributes the metadata post-processor keeps",
        examples=[""],
    )
    pseudonym_key: Annotated[None, Off("no value", secret=True)] = Field(
        None,
        alias="PseudonymKey",
        description="The secret behind pseudonyms",
        examples=[""],
    )
    deidentify_options: Annotated[None, Off("no value")] = Field(
        None,
        alias="DeidentifyOptions",
        description="What de-identification retains",
        examples=[""],
    )
    number_of_query_attributes: Annotated[None, _LATER_FORM] = Field(
        None, alias="NumberOfQueryAttributes", description="How many attributes a query has", examples=[""]
    )
    first_attr: Annotated[None, _LATER_FORM] = Field(
        None, alias="FirstAttr", description="The first attribute of a query", examples=[""]
    )
    first_index: Annotated[None, _LATER_FORM] = Field(
        None, alias="FirstIndex", description="The CSV column of FirstAttr", examples=[""]
    )
    second_attr: Annotated[None, _LATER_FORM] = Field(
        None, alias="SecondAttr", description="The second attribute of a query", examples=[""]
    )
    second_index: Annotated[None, _LATER_FORM] = Field(
        None, alias="SecondIndex", description="The CSV column of SecondAttr", examples=[""]
    )
    third_attr: Annotated[None, _LATER_FORM] = Field(
        None, alias="ThirdAttr", description="The third attribute of a query", examples=[""]
    )
    third_index: Annotated[None, _LATER_FORM] = Field(
        None, alias="ThirdIndex", description="The CSV column of ThirdAttr", examples=[""]
    )
    niffler_system: Annotated[Path | None, Place("a system file")] = Field(
        None,
        alias="NifflerSystem",
        description="The system file of this extraction; by default system.json beside this file",
        examples=["system.json"],
    )
