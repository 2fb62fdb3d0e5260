"""Our own operational keys; either file may hold them, and config.json wins."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from niffler_ops.config.kinds import (
    Choice,
    Flag,
    Maybe,
    Mode,
    Place,
    Seconds,
    Space,
    Text,
    Tuned,
    Whole,
)
from niffler_ops.config.network import MOST_LANES
from niffler_ops.config.rates import Hourly
from niffler_ops.model import AUTO, FreeSpace, HourlyLimit


class OperationKeys(BaseModel):
    """How an extraction works: its lanes, batches, patience and limits."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    move_lanes: Annotated[int | Literal["auto"], Tuned(1, MOST_LANES, "associations")] = Field(
        AUTO,
        alias="MoveLanes",
        description="Associations that retrieve from an archive at once; `auto` begins with 2 and finds the "
        "number that brings most instances a second",
        examples=[4],
    )
    max_lanes: Annotated[int, Whole(1, MOST_LANES, "associations")] = Field(
        8,
        alias="MaxLanes",
        description="The most that `MoveLanes` may find for an archive by itself",
        examples=[4],
    )
    batch_size: Annotated[int | Literal["auto"], Tuned(1, 10_000, "studies")] = Field(
        AUTO,
        alias="BatchSize",
        description="Studies in one movescu; `auto` makes them as many as take a quarter of a minute, beside "
        "which the start of a process is little",
        examples=[100],
    )
    max_instances_per_second: Annotated[
        HourlyLimit | None, Maybe(Hourly(0.1, 100_000, "instances a second"))
    ] = Field(
        None,
        alias="MaxInstancesPerSecond",
        description="What may come from an archive, on average, so that it has time for others; what one "
        "study brings beyond that is paid back before the next",
        examples=[{"7-19": 20, "19-7": 200}],
    )
    query_batch_size: Annotated[int, Whole(1, 10_000, "queries")] = Field(
        250,
        alias="QueryBatchSize",
        description="Queries in one findscu; the first ones have fewer",
        examples=[50],
    )
    idle_timeout: Annotated[float, Seconds()] = Field(
        120.0,
        alias="IdleTimeout",
        description="Time without an arriving instance after which a retrieve counts as over or hung",
        examples=[300],
    )
    first_instance_timeout: Annotated[float, Seconds()] = Field(
        3600.0,
        alias="FirstInstanceTimeout",
        description="Time until the first instance of a retrieve; a nearline archive may need an hour",
        examples=[600],
    )
    quiet_time: Annotated[float, Seconds(0)] = Field(
        5.0,
        alias="QuietTime",
        description="Time without an arriving instance after which a retrieve that ended with an error, and "
        "so sends no more, is compared with the promise",
        examples=[10],
    )
    query_timeout: Annotated[float, Seconds()] = Field(
        120.0,
        alias="QueryTimeout",
        description="Time without an answer after which a query is ended and tried again",
        examples=[60],
    )
    max_attempts: Annotated[int, Whole(1, 100, "attempts")] = Field(
        3,
        alias="MaxAttempts",
        description="How often a query or a study is tried before it has failed",
        examples=[5],
    )
    retry_delay: Annotated[float, Seconds(0)] = Field(
        5.0,
        alias="RetryDelay",
        description="Pause before the second attempt; each further one is twice as long, five minutes "
        "at most, and up to a quarter more",
        examples=[30],
    )
    max_studies_per_row: Annotated[int, Whole(1, 1_000_000, "studies")] = Field(
        50,
        alias="MaxStudiesPerRow",
        description="A CSV line that matches more studies fails, and nothing of it is retrieved",
        examples=[200],
    )
    verify_by: Annotated[Literal["uid", "count"], Choice("uid", "count")] = Field(
        "uid",
        alias="VerifyBy",
        description="Whether studies are complete by their SOP Instance UIDs, or only by their number",
        examples=["count"],
    )
    file_mode: Annotated[int, Mode()] = Field(
        "0600",
        validate_default=True,
        alias="FileMode",
        description="Who may read the retrieved files; the folders of the tree are entered by the same",
        examples=["0640"],
    )
    java_options: Annotated[str | None, Text("options of the Java virtual machine")] = Field(
        None,
        alias="JavaOptions",
        description="Options for dcm4che's Java; by default a small heap and a quiet log",
        examples=["-Xmx128m -XX:+UseSerialGC"],
    )
    min_free_disk: Annotated[FreeSpace, Space()] = Field(
        "1%",
        validate_default=True,
        alias="MinFreeDisk",
        description="Free space below which the extraction pauses, on the disks of StorageFolder, of "
        "LedgerFolder and, with PostProcessors, of OutputFolder",
        examples=["20 GB"],
    )
    pause_grace: Annotated[float, Seconds(0)] = Field(
        300.0,
        alias="PauseGrace",
        description="How long a running retrieve may go on when the night ends",
        examples=[600],
    )
    ledger_folder: Annotated[Path | None, Maybe(Place("a folder"))] = Field(
        None,
        alias="LedgerFolder",
        description="A folder on a local disk for ledger and staging, where StorageFolder is on a network",
        examples=["/var/lib/niffler/new-study"],
    )
    retrieve_without_query: Annotated[bool, Flag()] = Field(
        False,  # noqa: FBT003  pydantic takes the default first
        alias="RetrieveWithoutQuery",
        description="Retrieve by the keys of the CSV line where the archive refuses the query; what comes is "
        "told by its headers and ends unverified",
        examples=[False],
    )
