"""The kind of FilePath: where a retrieved instance is filed."""

from typing import Any

from niffler_ops.config.kinds import Kind
from niffler_ops.model import Listing
from niffler_ops.patterns import FilePattern

_LISTINGS = {listing.value: listing for listing in Listing}


class Filing(Kind):
    """A FilePath: a pattern, or what is listed instead of retrieved."""

    allowed = (
        "a pattern such as `{00100020}/{0020000D}/{0020000E}/{00080018}.dcm`, or `CFIND-ONLY` or "
        "`CFIND-DETAILED`"
    )

    def read(self, value: Any) -> FilePattern | Listing:
        """The parsed pattern, or the listing."""
        if isinstance(value, FilePattern):
            return value
        text = value.strip() if isinstance(value, str) else ""
        if listing := _LISTINGS.get(text.upper()):
            return listing
        try:
            return FilePattern.parse(text)
        except ValueError as error:
            raise ValueError(f"{self.allowed}; {error}") from error
