"""What goes on at once, and what waits for what."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from niffler_ops.stages.move import MoveStage
from niffler_ops.work import Retrieval
from tests.support.stages import bench


def test_nothing_more_is_retrieved_while_filing_is_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[bool] = []
    monkeypatch.setattr(MoveStage, "advance", lambda _stage, *, receiving: told.append(receiving))
    with bench(tmp_path) as made:
        made.studies("1.1")
        work = Retrieval(made.place)
        monkeypatch.setattr(work, "_receiver", SimpleNamespace(ready=True, advance=lambda: None))
        filing = SimpleNamespace(behind=True, busy=True, advance=lambda: None)
        monkeypatch.setattr(work, "_filing", filing)
        work.advance()
        assert "on the disk" in made.contact.load.why
        filing.behind = False
        work.advance()
        assert "on the disk" not in made.contact.load.why
    assert told == [False, True]
