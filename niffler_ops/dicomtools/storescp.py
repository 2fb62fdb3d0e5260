"""storescp: its arguments, and the names it gives to received files."""

import re
from pathlib import Path

from niffler_ops.model import LocalEntity
from niffler_ops.patterns import md5_text

STAGING_PATTERN = "{0020000D,md5}/{00080018,md5}.dcm"
"""Study and SOP Instance UID, digested: nothing a sender puts into a header reaches the file system."""
SHORT = 8
STAGED_FILE = re.compile(r"[0-9a-v]{26}\.dcm")
_STAGED_FOLDER = re.compile(r"[0-9a-v]{26}")


def storescp_arguments(*, local: LocalEntity, directory: Path, filepath: str = STAGING_PATTERN) -> list[str]:
    """Arguments for a receiver of any SOP class and transfer syntax that writes into `directory`."""
    return ["-b", str(local), "--accept-unknown", "--directory", str(directory), "--filepath", filepath]


def staging_name(uid: str) -> str:
    """What `{…,md5}` of dcm4che makes of a UID: 26 characters out of 0-9a-v."""
    return md5_text(uid)


def is_staged(study: str, instance: str) -> bool:
    """Whether a folder and a file in it are named so, and not by somebody who may name a patient."""
    return bool(_STAGED_FOLDER.fullmatch(study) and STAGED_FILE.fullmatch(instance))


def short_name(uid: str) -> str:
    """The name of a study or instance in the log: how its name in incoming/ begins."""
    return staging_name(uid)[:SHORT]
