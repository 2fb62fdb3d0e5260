"""Check `csv`: whether the list can be used, and how much of it."""

from collections.abc import Iterator

from niffler_ops.config import Config
from niffler_ops.doctor.findings import Finding, failure, ok, warning
from niffler_ops.errors import InputError
from niffler_ops.intake import CsvSummary, check

CHECK = "csv"
LINES_SHOWN = 10


def check_csv(config: Config) -> Iterator[Finding]:
    """How many rows there are, and which lines are refused; no identifiers."""
    try:
        found = check(config)
    except InputError as error:
        yield from (failure(CHECK, line) for line in str(error).splitlines()[: LINES_SHOWN + 1])
        return
    yield from (warning(CHECK, text) for text in found.warnings)
    rows = f"{config.csv_file}: {found.rows} rows"
    yield warning(CHECK, f"{rows}, {_refused(found)}") if found.rejected else ok(CHECK, rows)


def _refused(found: CsvSummary) -> str:
    lines = [f"line {line}: {reason}" for line, reason in found.rejected[:LINES_SHOWN]]
    more = found.rejected_count - len(lines)
    return f"{found.rejected_count} of them refused: {'; '.join([*lines, f'{more} more'] if more else lines)}"
