"""De-identification by PS3.15 Annex E: pseudonyms, attribute policy, pixel rules."""

from niffler_ops.deidentify.deidentifier import Deidentified, Deidentifier, Link
from niffler_ops.deidentify.identity import IDENTITY_TAGS
from niffler_ops.deidentify.options import Dates, Options
from niffler_ops.deidentify.pseudonyms import Pseudonyms
from niffler_ops.deidentify.regions import Region
from niffler_ops.deidentify.secret import fingerprint, load_secret
from niffler_ops.deidentify.writing import Held, Unreadable, Written, deidentify_file, learn_file

__all__ = [
    "IDENTITY_TAGS",
    "Dates",
    "Deidentified",
    "Deidentifier",
    "Held",
    "Link",
    "Options",
    "Pseudonyms",
    "Region",
    "Unreadable",
    "Written",
    "deidentify_file",
    "fingerprint",
    "learn_file",
    "load_secret",
]
