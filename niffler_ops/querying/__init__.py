"""What a C-FIND key is: its value representation, its level, and which returned values match it."""

from niffler_ops.querying.keywords import can_be_asked, is_keyword, likely_keyword, vr_of
from niffler_ops.querying.levels import Level, level_of
from niffler_ops.querying.matching import matches

__all__ = ["Level", "can_be_asked", "is_keyword", "level_of", "likely_keyword", "matches", "vr_of"]
