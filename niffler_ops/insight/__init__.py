"""What metadata tells: how scanners are used, which clocks are wrong, which scanners there are.

Each analysis is a pure function from a table of series (see reading.py) to a table.
"""

from niffler_ops.insight.clocks import clocks, lags, thinned
from niffler_ops.insight.exams import encounters, exams, pieces
from niffler_ops.insight.reading import Source, series_table
from niffler_ops.insight.scanners import Census, scanners
from niffler_ops.insight.utilization import descriptions, gaps, hours, modalities, utilization, weekdays

__all__ = [
    "Census",
    "Source",
    "clocks",
    "descriptions",
    "encounters",
    "exams",
    "gaps",
    "hours",
    "lags",
    "modalities",
    "pieces",
    "scanners",
    "series_table",
    "thinned",
    "utilization",
    "weekdays",
]
