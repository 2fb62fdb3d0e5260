from collections.abc import Callable
from pathlib import Path

import pytest

from niffler_ops import intake
from niffler_ops.config import Config
from niffler_ops.errors import InputError

PAIRS = {"ExtractionType": "empi_accession", "PatientIndex": 0, "AccessionIndex": 1}
Maker = Callable[..., Config]


@pytest.fixture
def given_csv(tmp_path: Path) -> Maker:
    """Writes a CSV and gives the configuration that names it and says what its columns are."""

    def make(content: str | bytes, **keys: object) -> Config:
        path = tmp_path / "list.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return configured(path, **(keys or PAIRS))

    return make


def configured(path: Path, **keys: object) -> Config:
    """The configuration that names a CSV, and says what its columns are."""
    return Config.model_validate(
        {
            "SrcAet": "A@b:104",
            "QueryAet": "QB:104",
            "StorageFolder": "/nowhere",
            "CsvFile": str(path),
            "config_file": Path("config.json"),
            "system_file": Path("system.json"),
            **keys,
        }
    )


def asked(config: Config) -> list[dict[str, str]]:
    """The keys of every row that is not refused."""
    return [dict(row.keys) for row in intake.read_rows(config) if row.refused is None]


def refused(config: Config) -> dict[int, str]:
    """The reason for each line that is refused."""
    return {row.line: row.refused for row in intake.read_rows(config) if row.refused is not None}


def complaint(config: Config) -> str:
    """Why nothing of a CSV can be used."""
    with pytest.raises(InputError) as caught:
        intake.check(config)
    assert caught.value.exit_status == 65
    return str(caught.value).replace(str(config.csv_file), "list.csv")
