import json
from collections.abc import Callable
from pathlib import Path

import pytest

from niffler_ops.config import KEYS, Config, load

Configure = Callable[..., Config]


@pytest.fixture
def configure(tmp_path: Path) -> Configure:
    """Loads a configuration with these keys over an invented one."""
    system_keys = {key.name for key in KEYS if key.file == "system.json"}

    def make(**keys: object) -> Config:
        given: dict[str, object] = {
            "SrcAet": "PACS@127.0.0.1:104",
            "QueryAet": "QB:4243",
            "StorageFolder": "study",
            "CsvFile": "list.csv",
            "ExtractionType": "accession",
            "AccessionIndex": 0,
            **keys,
        }
        for file, mine in (("system.json", True), ("config.json", False)):
            content = {key: value for key, value in given.items() if (key in system_keys) is mine}
            (tmp_path / file).write_text(json.dumps(content))
        return load(tmp_path / "config.json", None, {})

    return make
