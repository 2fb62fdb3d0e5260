"""Rows as tables for people and as JSON for programs."""

import json
import os
import platform
import sqlite3
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import pandas as pd
import psutil

from benchmarks.rows import Row

RESULTS = Path(__file__).with_name("results")
COLUMNS = ("what", "ours", "reference", "unit", "ratio", "goal", "reached")


def show(title: str, rows: Sequence[Row], seconds: float) -> None:
    """Print one benchmark's table."""
    table = pd.DataFrame([asdict(row) for row in rows], columns=list(COLUMNS))
    for column in ("ours", "reference", "ratio"):
        table[column] = table[column].map(_number)
    table["reached"] = table["reached"].map(lambda reached: "" if reached is None else _word(reached))
    print(f"\n{title} ({seconds:.0f} s)\n{table.to_string(index=False)}", flush=True)


def write_json(tables: Mapping[str, Sequence[Row]], *, quick: bool) -> Path:
    """Write everything, and on what it was measured; gives the file."""
    now = datetime.now().astimezone()
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{now:%Y%m%d-%H%M%S}.json"
    content = {
        "at": now.isoformat(timespec="seconds"),
        "commit": _commit(),
        "quick": quick,
        "machine": {
            "cores": os.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total,
            "load": os.getloadavg(),
            "python": platform.python_version(),
            "sqlite": sqlite3.sqlite_version,
        },
        "benchmarks": {name: [asdict(row) for row in rows] for name, rows in tables.items()},
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def _number(value: float | None) -> str:
    if value is None or pd.isna(value):
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _word(reached: object) -> str:
    return "yes" if reached is True else "NO" if reached is False else ""


def _commit() -> str | None:
    """The commit that was measured; None outside a clone."""
    asked = subprocess.run(
        ["git", "rev-parse", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return asked.stdout.strip() or None
