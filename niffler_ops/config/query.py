"""The keys of config.json that define the query, in either of its two forms."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from niffler_ops.config.attributes import Attribute, DateAttribute
from niffler_ops.config.columns import Column, DateFormat
from niffler_ops.config.kinds import Choice, Flag, Maybe, Whole

MOST_ATTRIBUTES = 3


class QueryKeys(BaseModel):
    """Which CSV columns are which keys: by ExtractionType, or by FirstAttr and those that follow it."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    extraction_type: Annotated[
        Literal["empi_accession", "empi", "accession", "empi_date", "header"] | None,
        Maybe(Choice("empi_accession", "empi", "accession", "empi_date", "header")),
    ] = Field(
        None,
        alias="ExtractionType",
        description="What a CSV line holds: patient id and accession number, the patient id or the accession "
        "number alone, patient id and a date, or what the header says by DICOM keywords; required unless "
        "FirstAttr is given",
        examples=["empi_accession"],
    )
    patient_index: Annotated[int | None, Maybe(Column())] = Field(
        None,
        alias="PatientIndex",
        description="The CSV column of the patient id (EMPI), for `empi_accession`, `empi` and `empi_date`",
        examples=[0],
    )
    accession_index: Annotated[int | None, Maybe(Column())] = Field(
        None,
        alias="AccessionIndex",
        description="The CSV column of the accession number, for `empi_accession` and `accession`",
        examples=[1],
    )
    date_index: Annotated[int | None, Maybe(Column())] = Field(
        None,
        alias="DateIndex",
        description="The CSV column of the date, for `empi_date`",
        examples=[2],
    )
    date_type: Annotated[str, DateAttribute()] = Field(
        "StudyDate",
        alias="DateType",
        description="Which date the column of DateIndex holds",
        examples=["StudyDate"],
    )
    number_of_query_attributes: Annotated[int | None, Maybe(Whole(1, MOST_ATTRIBUTES, "attributes"))] = Field(
        None,
        alias="NumberOfQueryAttributes",
        description="How many of the attributes below a query has; by default as many as are given",
        examples=[2],
    )
    first_attr: Annotated[str | None, Maybe(Attribute())] = Field(
        None,
        alias="FirstAttr",
        description="The first attribute of a query, without ExtractionType",
        examples=["PatientID"],
    )
    first_index: Annotated[int | None, Maybe(Column())] = Field(
        None, alias="FirstIndex", description="The CSV column of FirstAttr", examples=[0]
    )
    second_attr: Annotated[str | None, Maybe(Attribute())] = Field(
        None, alias="SecondAttr", description="The second attribute of a query", examples=["AccessionNumber"]
    )
    second_index: Annotated[int | None, Maybe(Column())] = Field(
        None, alias="SecondIndex", description="The CSV column of SecondAttr", examples=[1]
    )
    third_attr: Annotated[str | None, Maybe(Attribute())] = Field(
        None, alias="ThirdAttr", description="The third attribute of a query", examples=["StudyDate"]
    )
    third_index: Annotated[int | None, Maybe(Column())] = Field(
        None, alias="ThirdIndex", description="The CSV column of ThirdAttr", examples=[2]
    )
    date_format: Annotated[str, DateFormat()] = Field(
        "%Y%m%d",
        alias="DateFormat",
        description="How the CSV writes dates, in the letters of Python's strptime; "
        "`%%m%d%y` is understood as `%m%d%y`",
        examples=["%m/%d/%Y"],
    )
    long_accession: Annotated[bool, Flag()] = Field(
        False,  # noqa: FBT003  pydantic takes the default first
        alias="LongAccession",
        description="Shorten accession numbers of more than 16 characters as some archives do: to their "
        "first 7 characters and those from the 10th on",
        examples=[True],
    )
    retrieve_level: Annotated[Literal["STUDY", "SERIES"], Choice("STUDY", "SERIES")] = Field(
        "STUDY",
        alias="RetrieveLevel",
        description="What is retrieved of a match: the whole study, or only the series that match",
        examples=["STUDY"],
    )
    accept_other_patient_ids: Annotated[bool, Flag()] = Field(
        False,  # noqa: FBT003  pydantic takes the default first
        alias="AcceptOtherPatientIDs",
        description="Believe answers whose patient id is another one linked to that asked for",
        examples=[False],
    )
