"""One cell to the value that is asked for, or the reason why it cannot be."""

from collections.abc import Callable

from niffler_ops.config import Config
from niffler_ops.intake.dates import date_reader
from niffler_ops.intake.values import long_accession_reader, value_reader
from niffler_ops.model import KeyColumn
from niffler_ops.querying import vr_of


def cell_reader(config: Config, column: KeyColumn) -> Callable[[str], str]:
    """What turns a cell into the value to ask for; its ValueError is the reason of a refusal."""
    name = f"{column.name} (column {column.index})"
    vr = vr_of(column.keyword)
    if vr == "DA":
        return date_reader(name, column.name, config.date_format)
    read = value_reader(name, vr)
    if column.keyword == "AccessionNumber" and config.long_accession:
        return long_accession_reader(name, read)
    return read
