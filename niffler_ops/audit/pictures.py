"""mapping.csv, read for which PNG shows which frame of which instance."""

import csv
from collections.abc import Iterator
from pathlib import Path

_NAME = "mapping.csv"


def pictures(output: Path) -> Iterator[tuple[Path, int, int]]:
    """Every PNG that mapping.csv names and that is there, the hash of its instance's UID, and the frame."""
    mapping = output / _NAME
    if not mapping.is_file():
        return
    with mapping.open(encoding="utf-8-sig", newline="") as stream:
        for row in csv.DictReader(stream):
            path = output / row.get("png", "")
            frame = row.get("frame") or "1"
            if path.is_file() and path.resolve().is_relative_to(output.resolve()) and frame.isdigit():
                yield path, hash(row.get("SOPInstanceUID", "")), int(frame)
