import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from niffler_ops.config import Config, load
from niffler_ops.errors import ConfigurationError

Problems = Callable[..., tuple[str, ...]]
Attributes = Callable[..., Config]


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attributes:
    """Loads a config.json that says nothing of its query but the given keys, and a system.json."""
    monkeypatch.chdir(tmp_path)

    def configure(keys: Mapping[str, Any], system: Mapping[str, Any] | None = None) -> Config:
        config = {"StorageFolder": "study", "CsvFile": "list.csv", **keys}
        archive = {"SrcAet": "PACS@pacs.example.org:104", "QueryAet": "QB:4243", **(system or {})}
        Path("config.json").write_text(json.dumps(config))
        Path("system.json").write_text(json.dumps(archive))
        return load(None, None, {})

    return configure


@pytest.fixture
def problems(configured: Attributes) -> Problems:
    """What is wrong with such a configuration, without the names of the files."""

    def complain(keys: Mapping[str, Any], system: Mapping[str, Any] | None = None) -> tuple[str, ...]:
        with pytest.raises(ConfigurationError) as caught:
            configured(keys, system)
        return tuple(text.partition(".json: ")[2] for text in caught.value.problems)

    return complain
