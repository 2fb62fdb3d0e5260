import re
import sys
from collections import Counter
from pathlib import Path

import pytest

from docs import generate, licences
from niffler_ops.states import HandoverState, RowState, StudyState


def test_the_generated_pages_are_up_to_date() -> None:
    assert generate.main(["--check"]) == 0


def test_a_page_that_is_not_up_to_date_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generate, "ROOT", tmp_path)
    assert generate.main(["--check"]) == 1
    assert "docs/configuration.md, docs/states.md, docs/share/" in capsys.readouterr().err
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


@pytest.mark.parametrize("state", [*RowState, *StudyState, *HandoverState])
def test_every_state_is_explained(state: RowState | StudyState | HandoverState) -> None:
    lines = [line for line in generate.state_tables().splitlines() if line.startswith(f"| `{state}` |")]
    assert lines
    assert all(line.split("|")[2].strip() for line in lines)


def test_every_package_that_is_installed_here_is_listed_with_its_licence() -> None:
    listed = licences.PAGE.read_text().splitlines()
    needed = set[str]().union(*licences.groups().values())
    assert "pydicom" in needed
    if sys.version_info >= (3, 12):  # the page is of 3.11, and the versions of some follow from Python's
        lock = (generate.ROOT / "requirements.lock").read_text()
        locked = Counter(re.findall("^([a-z0-9-]+)==", lock, flags=re.MULTILINE))
        needed -= {name for name in needed if locked[name] > 1}
    assert [name for name in sorted(needed) if f"| {name} | {licences.licence(name)} |" not in listed] == []
