"""SQLite files of this room: made on first use, for their owner only."""

import os
import sqlite3
from pathlib import Path

from niffler_ops import database
from niffler_ops.files import PRIVATE_FILE, make_private_folder


def connect(path: Path, migrations: str = "") -> sqlite3.Connection:
    """As `database.connect`; the file, and the folders it is in, are made where they are missing."""
    make_private_folder(path.absolute().parent)
    # Not emptied: another process may have made it a moment ago.
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PRIVATE_FILE))
    return database.connect(path, migrations)
