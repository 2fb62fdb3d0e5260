"""What arrives for a row that is retrieved by its keys."""

from pathlib import Path

import pytest

from niffler_ops.stages.unqueried import Retrieve
from tests.support.stages import bench


@pytest.mark.parametrize(
    ("uid", "taken"), [("1.2.3", True), ("1.2.\xe9", False), ("1.2\\9.9", False), ("1.2\t", False)]
)
def test_only_what_can_be_asked_for_again_is_taken_for_the_rows(
    tmp_path: Path, uid: str, *, taken: bool
) -> None:
    with bench(tmp_path) as made:
        stage = made.unqueried
        with made.ledger.transaction():
            (row,) = made.ledger.rows.claim(1)
        stage._current = Retrieve(row=row, contact=made.contact, progress_at=0.0)
        file = made.stage("1.2.3", 1, **row.keys)
        found = {"study_instance_uid": uid, "attributes": {**file.attributes, **row.keys}}
        with made.ledger.transaction():
            study = stage.adopt(
                type(file)(**{name: getattr(file, name) for name in file.__slots__} | found), None
            )
        assert (study is not None) is taken
