"""FilePath: where an instance is filed, and how values become path components that never meet."""

from niffler_ops.patterns.digests import md5_text
from niffler_ops.patterns.encoding import CUT, EMPTY, INVALID, MAX_COMPONENT
from niffler_ops.patterns.filepattern import FilePattern

__all__ = ["CUT", "EMPTY", "INVALID", "MAX_COMPONENT", "FilePattern", "md5_text"]
