"""JSON files and options to one frozen Config, or every error at once."""

from niffler_ops.config.keys import Key
from niffler_ops.config.loading import FORMER, load
from niffler_ops.config.model import DEFINING_KEYS, KEYS, Config, differences

__all__ = ["DEFINING_KEYS", "FORMER", "KEYS", "Config", "Key", "differences", "load"]
