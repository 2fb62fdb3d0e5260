"""storescp: its arguments, and the names it gives to received files."""

from pathlib import Path

from niffler_ops.model import LocalEntity
from niffler_ops.patterns import md5_text

STAGING_PATTERN = "{0020000D,md5}/{00080018,md5}.dcm"
"""Study and SOP Instance UID, digested: nothing a sender puts into a header reaches the file system."""
SHORT = 8


def storescp_arguments(*, local: LocalEntity, directory: Path, filepath: str = STAGING_PATTERN) -> list[str]:
    """Arguments for a receiver of any SOP class and transfer syntax that writes into `directory`."""
    return ["-b", str(local), "--accept-unknown", "--directory", str(directory), "--filepath", filepath]


def staging_name(uid: str) -> str:
    """What `{…,md5}` of dcm4che makes of a UID: 26 characters out of 0-9a-v."""
    return md5_text(uid)


def short_name(uid: str) -> str:
    """The name of a study or instance in the log: how its name in incoming/ begins."""
    return staging_name(uid)[:SHORT]
