"""CSV to rows, with line numbers and with the reason for each line that cannot be asked for.

The csv module reads, because it refuses broken quotes and knows its lines; pandas pads short lines in
silence.
"""

from niffler_ops.intake.columns import keywords_in
from niffler_ops.intake.rows import CsvSummary, check, read_rows

__all__ = ["CsvSummary", "check", "keywords_in", "read_rows"]
