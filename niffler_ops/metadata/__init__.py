"""Headers to records: de-identified data sets become tables and one record for each series, in a store."""

from niffler_ops.metadata.facts import NoInstanceError, read_facts, wanted_tags
from niffler_ops.metadata.featureset import (
    EVERYTHING,
    Featureset,
    default_featureset_file,
    load_featuresets,
    parse_featureset,
    union,
)
from niffler_ops.metadata.folding import Record
from niffler_ops.metadata.journal import Backlog, Journal, Reading, Refusal, SeriesState, read_refusals
from niffler_ops.metadata.parquet import write_parquet
from niffler_ops.metadata.records import series_record, series_records
from niffler_ops.metadata.stores import (
    Store,
    StoreUnavailableError,
    check_store,
    open_store,
    shown,
    store_url,
)
from niffler_ops.metadata.table import Columns, fragments_in, survey, write_csv, write_fragment
from niffler_ops.metadata.values import Facts, Value

__all__ = [
    "EVERYTHING",
    "Backlog",
    "Columns",
    "Facts",
    "Featureset",
    "Journal",
    "NoInstanceError",
    "Reading",
    "Record",
    "Refusal",
    "SeriesState",
    "Store",
    "StoreUnavailableError",
    "Value",
    "check_store",
    "default_featureset_file",
    "fragments_in",
    "load_featuresets",
    "open_store",
    "parse_featureset",
    "read_facts",
    "read_refusals",
    "series_record",
    "series_records",
    "shown",
    "store_url",
    "survey",
    "union",
    "wanted_tags",
    "write_csv",
    "write_fragment",
    "write_parquet",
]
