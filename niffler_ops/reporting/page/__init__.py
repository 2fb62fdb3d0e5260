"""The page of an extraction: summary, charts, problems and rows, as a file of its own or served live."""

from niffler_ops.reporting.page.report import report_html, write_report_html

__all__ = ["report_html", "write_report_html"]
