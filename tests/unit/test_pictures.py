"""The pictures in docs/: shown somewhere, small, and with nothing of whoever made them."""

import re
import socket
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PICTURES = sorted((ROOT / "docs" / "pictures").iterdir())
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
MOST_BYTES = 150_000


def shown() -> set[Path]:
    """The files in docs/ that pages show."""
    return {
        (page.parent / name).resolve()
        for page in PAGES
        for name in re.findall(r'(?:!\[[^]]*\]\(|<img src=")([^)"]+)', page.read_text(encoding="utf-8"))
        if "://" not in name
    }


def test_every_picture_is_shown_and_every_one_that_is_shown_is_there() -> None:
    assert shown() == set(PICTURES)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_a_picture_is_small_and_loads_nothing_from_elsewhere(picture: Path) -> None:
    content = picture.read_bytes()
    assert 1000 < len(content) < MOST_BYTES
    if picture.suffix == ".svg":
        text = content.decode().replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "://" not in text
        assert "/home" not in text
        assert socket.gethostname() not in text
