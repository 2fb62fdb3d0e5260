"""Which kind of file system a folder is on: SQLite's WAL and file locks are not for the network."""

import os
from pathlib import Path

MOUNTS_VARIABLE = "NIFFLER_MOUNTS"
"""For tests: another file in the form of /proc/self/mountinfo."""

NETWORK_KINDS = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "ncpfs", "afs", "9p", "ceph", "lustre", "beegfs", "gpfs"),
        *("glusterfs", "fuse.glusterfs", "fuse.sshfs", "fuse.cephfs", "fuse.s3fs", "fuse.rclone", "ocfs2"),
    }
)


def kind_of(folder: Path) -> str:
    """The kind of file system (as mount says) that a folder is on, or will be when it is made."""
    place = os.path.realpath(folder)
    best, kind = -1, ""
    for mount_point, found in _mounts():
        inside = place == mount_point or place.startswith(mount_point.rstrip("/") + "/")
        if inside and len(mount_point) >= best:
            best, kind = len(mount_point), found
    return kind


def is_network(kind: str) -> bool:
    """Whether such a file system is shared over the network."""
    return kind in NETWORK_KINDS


def _mounts() -> list[tuple[str, str]]:
    """Mount points and kinds, the later mounted ones last (proc_pid_mountinfo(5))."""
    mounts = []
    table = Path(os.environ.get(MOUNTS_VARIABLE, "/proc/self/mountinfo"))
    for line in table.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        before, _, after = line.partition(" - ")
        fields, kinds = before.split(" "), after.split(" ")
        if len(fields) > MOUNT_POINT and kinds[0]:
            mounts.append((_unescaped(fields[MOUNT_POINT]), kinds[0]))
    return mounts


MOUNT_POINT = 4  # the fifth field


def _unescaped(text: str) -> str:
    """Blanks, tabs, line ends and backslashes stand as octal escapes."""
    for code in ("040", "011", "012", "134"):
        text = text.replace(f"\\{code}", chr(int(code, 8)))
    return text
