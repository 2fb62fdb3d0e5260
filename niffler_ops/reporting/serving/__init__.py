"""The page served live and read-only: several extractions, kept up to date by server-sent events."""

from niffler_ops.reporting.serving.server import serve

__all__ = ["serve"]
