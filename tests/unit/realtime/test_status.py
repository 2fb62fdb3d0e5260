"""What niffler-status tells of a receiver."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from niffler_ops.errors import NifflerError
from niffler_ops.files import make_private_folder
from niffler_ops.metadata import Featureset, Journal, Reading
from niffler_ops.realtime.place import Place
from niffler_ops.realtime.record import Record
from niffler_ops.realtime.status import gather, status_json, status_text
from tests.support.clock import FakeClock

if TYPE_CHECKING:
    from niffler_ops.metadata.values import Facts


class Refusing:
    """Takes nothing."""

    def upsert(self, _collection: str, _records: object) -> None:
        raise NifflerError("the record is too large")

    def mark(self, _writer: str) -> int:
        return 0


def test_series_that_the_store_refuses_are_listed_with_their_reason(tmp_path: Path) -> None:
    place, clock = Place(tmp_path), FakeClock()
    make_private_folder(place.private)
    facts: Facts = {"SOPInstanceUID": "1.1", "SeriesInstanceUID": "1", "StudyInstanceUID": "0"}
    with closing(Record(place.record, clock)) as record, closing(Journal(place.journal, clock)) as journal:
        record.make(tmp_path, "NIFFLER:104")
        assert status_json(gather(place, clock))["refused"] == []
        journal.add([Reading(facts=facts)])
        journal.flush(Refusing(), [Featureset(name="default")])  # type: ignore[arg-type]
        status = gather(place, clock)
    assert status_json(status)["refused"] == [{"series": "1", "reason": "the record is too large"}]
    assert "Refused     1 series by the store, the record is too large" in status_text(status)
