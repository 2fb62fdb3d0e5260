"""Who else may change what is ours: by the owner and the mode of a folder, and the members of its group."""

import grp
import os
import pwd
import stat
from pathlib import Path

ROOT = 0


def user_name(number: int) -> str:
    """The name of a user, or the number of one that has none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def who_else_writes(folder: Path) -> str:
    """Whom the mode of a folder lets write in it beside us and root, in words; "" where nobody."""
    link, status = folder.lstat(), folder.stat()  # whoever owns a link may turn it elsewhere
    for owner in (link.st_uid, status.st_uid):
        if owner not in {os.geteuid(), ROOT}:
            return f"its owner {user_name(owner)}"
    if status.st_mode & stat.S_IWOTH:
        return "everybody"
    if status.st_mode & stat.S_IWGRP and (others := _others_in(status.st_gid)):
        return f"its group ({', '.join(others)})"
    return ""


def _others_in(group: int) -> list[str]:
    """The members of a group but us and root; a user's own group has nobody else."""
    ours = user_name(os.geteuid())
    try:
        members = set(grp.getgrgid(group).gr_mem)
    except KeyError:
        members = set()
    members |= {user.pw_name for user in pwd.getpwall() if user.pw_gid == group}
    return sorted(members - {ours, user_name(ROOT)})
