"""What a study of the corpus is to be: who, when, and which files; every number follows from the seed."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import NamedTuple

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "corpus.niffler.invalid")
_SMALLEST = 10**38  # with 39 digits: UIDs of one length can replace one another in encoded bytes
_FIRST_DAY, _DAYS = date(2024, 1, 1), 366


class EncodedInstance(NamedTuple):
    """One file's bytes, and the UIDs that are in them."""

    series_instance_uid: str
    sop_instance_uid: str
    content: bytes


Files = Callable[["StudyPlan"], Iterator[EncodedInstance]]


@dataclass(frozen=True, kw_only=True, slots=True)
class StudyPlan:
    """A study before it is written; `files` makes its instances, `kind` says what it is for.

    `charset` is SpecificCharacterSet, by which `patient_name` is encoded.
    """

    kind: str
    seed: int
    number: int
    patient_id: str
    accession_number: str
    patient_name: str
    charset: str | tuple[str, ...] = "ISO_IR 100"
    files: Files

    @property
    def study_date(self) -> str:
        """YYYYMMDD, spread over 2024."""
        return (_FIRST_DAY + timedelta(days=self.number * 17 % _DAYS)).strftime("%Y%m%d")

    def uid(self, *names: object) -> str:
        """The UID of what `names` name within this study (PS3.5 B.2: 2.25 and a UUID)."""
        name = "/".join(map(str, (self.seed, self.kind, self.number, *names)))
        number = uuid.uuid5(_NAMESPACE, name).int
        return f"2.25.{_SMALLEST + number % (2**128 - _SMALLEST)}"

    def random(self, *names: object) -> Random:
        """Chance that is the same at every run, whatever else is written."""
        return Random("/".join(map(str, (self.seed, self.kind, self.number, *names))))  # noqa: S311
