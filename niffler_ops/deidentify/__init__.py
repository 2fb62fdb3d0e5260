"""De-identification by PS3.15 Annex E: pseudonyms, attribute policy, pixel rules.

Here is only what a supervisor needs, which must start quickly: options and the secret.
"""

from niffler_ops.deidentify.options import Dates, Options
from niffler_ops.deidentify.secret import fingerprint, load_secret

__all__ = ["Dates", "Options", "fingerprint", "load_secret"]
