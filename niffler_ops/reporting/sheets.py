"""The user's own CSV with what became of each line, to be corrected and given back as CsvFile.

Every line is in it, done or not: what is not in a CSV that is given back is withdrawn. The user's columns
stand as they are, so that the configured column numbers hold; ours follow, and are carried along. The last
of them is the state, which is never empty: spreadsheets drop empty cells at the end of a line.

A line that was refused because it has too few or too many cells must not pass for a good one where its cells
are shifted. It is filled up and ends with a cell beyond the header, which intake refuses until it is removed.
"""

import csv
import io
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from niffler_ops.errors import CannotWriteError, UsageError
from niffler_ops.files import write_durable
from niffler_ops.layout import Layout
from niffler_ops.ledger.lines import Line, lines_after
from niffler_ops.ledger.reading import not_imported
from niffler_ops.ledger.store import ExtractionRecord, Ledger
from niffler_ops.reporting.consult import consult
from niffler_ops.sheet import OURS, REMOVE_ME, own_columns
from niffler_ops.states import RowState

PAGE = 5000
UTF8_BOM = b"\xef\xbb\xbf"
DELIMITERS = (",", ";", "\t")
LONGEST_HEADER = 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Form:
    """How the user's CSV is written; `own` are its columns without ours of an earlier sheet."""

    header: tuple[str, ...]
    own: tuple[int, ...]
    delimiter: str = ","
    bom: bytes = b""

    @property
    def width(self) -> int:
        """How many columns of the user's there are."""
        return len(self.own)


def write_sheet(layout: Layout, path: Path) -> int:
    """Write the CSV with OURS as further columns; gives the number of lines.

    UTF-8, lines ending in LF, readable for its owner alone; with the delimiter and the byte order mark of the
    user's own file where that is still there. Raises MissingInputError where there is no ledger to read,
    UsageError where `path` is the user's own file, CannotWriteError.
    """
    record = consult(layout.ledger, partial(_record, path=layout.ledger))
    _refuse_to_replace(path, Path(record.csv_file))
    form = _form(record)
    counter = itertools.count()
    try:
        write_durable(path, _chunks(layout, form, counter))
    except OSError as error:
        raise CannotWriteError(f"{path}: it cannot be written ({error.strerror}).") from None
    return next(counter)


def _record(ledger: Ledger, *, path: Path) -> ExtractionRecord:
    record = ledger.record()
    if record is None or not record.imported:
        raise not_imported(path)
    return record


def _refuse_to_replace(path: Path, csv_file: Path) -> None:
    try:
        if path.exists() and not path.is_file():
            raise CannotWriteError(f"{path}: it is no regular file.")
        if path.exists() and csv_file.exists() and path.samefile(csv_file):
            raise UsageError(
                f"{path} is the CSV of this extraction. Name another file, and give that one as CsvFile."
            )
    except OSError as error:
        raise CannotWriteError(f"{path}: it cannot be written ({error.strerror}).") from None


def _form(record: ExtractionRecord) -> Form:
    """The form of the user's file, as far as that still begins with the header that was imported."""
    header = record.csv_header
    own = tuple(index for index, name in enumerate(header) if name.strip() not in OURS)
    try:
        with Path(record.csv_file).open("rb") as stream:
            start = stream.read(LONGEST_HEADER)
    except OSError:
        return Form(header=header, own=own)
    bom = UTF8_BOM if start.startswith(UTF8_BOM) else b""
    text = start.removeprefix(UTF8_BOM).decode("utf-8", "replace")
    delimiter = next((one for one in DELIMITERS if _begins_with(text, header, one)), ",")
    return Form(header=header, own=own, delimiter=delimiter, bom=bom)


def _begins_with(text: str, header: Sequence[str], delimiter: str) -> bool:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    try:
        first = next((cells for cells in reader if any(cell.strip() for cell in cells)), [])
    except csv.Error:
        return False
    return len(header) in {len(first), own_columns(first)}


def _chunks(layout: Layout, form: Form, counter: "itertools.count[int]") -> Iterator[bytes]:
    """Encoded lines, a page of the ledger at a time, each read by itself: a writer never waits for us."""
    yield form.bom + _encoded(form, [[*(form.header[index] for index in form.own), *OURS]])
    after = 0
    while page := consult(layout.ledger, partial(lines_after, line=after, limit=PAGE)):
        yield _encoded(form, [_cells(form, line) for line in page])
        after = page[-1].line
        for _ in page:
            next(counter)


def _encoded(form: Form, lines: Sequence[Sequence[object]]) -> bytes:
    buffer = _Lines()
    plain = csv.writer(buffer, delimiter=form.delimiter)  # its CRLF makes it quote both CR and LF
    quoting = csv.writer(buffer, delimiter=form.delimiter, quoting=csv.QUOTE_ALL)
    for cells in lines:
        # Intake drops the blanks before a cell that is not quoted.
        (quoting if any(str(cell).startswith(" ") for cell in cells) else plain).writerow(cells)
    return "".join(buffer.lines).encode()


class _Lines:
    """Collects what csv writes, one call a line, and ends the lines in LF."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def write(self, line: str) -> None:
        """Keep one line."""
        self.lines.append(line.removesuffix("\r\n") + "\n")


def _cells(form: Form, line: Line) -> list[object]:
    own = [line.cells[index] if index < len(line.cells) else "" for index in form.own]
    beyond = [cell for cell in line.cells[len(form.header) :] if cell.strip() not in {"", REMOVE_ME}]
    ours = [line.line, line.reason, line.state]
    misshapen = line.state is RowState.REJECTED and _is_misshapen(form, line)
    return [*own, *ours, *beyond, *([REMOVE_ME] if misshapen else [])]


def _is_misshapen(form: Form, line: Line) -> bool:
    """Whether its number of cells was wrong, in the file given first or in a sheet given back."""
    named = [index for index, name in enumerate(form.header) if name.strip()]
    beyond = line.cells[len(form.header) :]
    return len(line.cells) <= max(named, default=0) or any(cell.strip() for cell in beyond)
