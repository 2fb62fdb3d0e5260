"""Keys below study level: compared by us, series by series and image by image, never guessed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.dicomtools.answerfiles import Match
from niffler_ops.dicomtools.findscu import FindAnswer
from niffler_ops.ledger.wanting import FoundSeries, FoundStudy
from niffler_ops.querying import level_of
from niffler_ops.stages.asking import Answers, Asking
from niffler_ops.stages.walking import Candidate, Fit, Walk, fits

SERIES_KEYS = ("SeriesDescription", "BodyPartExamined")
IMAGE_KEYS = ("AcquisitionDate", "InstanceNumber")
REFUSED, UNABLE = 0xA900, 0xC000
CHEST = {"SeriesDescription": "CHEST"}
FIRST_DAY = {"AcquisitionDate": "20240105"}


def answer(*matches: Match, status: int | None = 0) -> FindAnswer:
    return FindAnswer(status=status, comment="", matches=matches, complete=status == 0)


@pytest.mark.parametrize(
    ("keys", "returned", "fit"),
    [
        (CHEST, CHEST, Fit.YES),
        (CHEST, {"SeriesDescription": "HEAD"}, Fit.NO),
        (CHEST, {"SeriesDescription": ""}, Fit.UNCLEAR),
        (CHEST, {}, Fit.UNCLEAR),
        (FIRST_DAY, FIRST_DAY, Fit.YES),
        (FIRST_DAY, {"AcquisitionDate": "20240106"}, Fit.UNCLEAR),  # of one instance, or of several
        (FIRST_DAY, {"AcquisitionDate": "20240106\\20240105"}, Fit.YES),
        (FIRST_DAY, {}, Fit.UNCLEAR),
        ({"AcquisitionDate": "20240101-20240131"}, FIRST_DAY, Fit.YES),
        (CHEST | FIRST_DAY, CHEST, Fit.UNCLEAR),
        (CHEST | FIRST_DAY, FIRST_DAY | {"SeriesDescription": "HEAD"}, Fit.NO),
        (CHEST | FIRST_DAY, CHEST | FIRST_DAY, Fit.YES),
        ({}, {}, Fit.YES),
    ],
)
def test_what_a_series_tells(keys: dict[str, str], returned: dict[str, str], fit: Fit) -> None:
    assert fits(keys, returned, "SERIES") is fit


@pytest.mark.parametrize(
    ("keys", "returned", "fit"),
    [
        (FIRST_DAY, FIRST_DAY, Fit.YES),
        (FIRST_DAY, {"AcquisitionDate": "20240106"}, Fit.NO),
        (FIRST_DAY, {"StudyDate": "20240105"}, Fit.UNCLEAR),
        (CHEST, CHEST, Fit.YES),
        (CHEST, {"SeriesDescription": "HEAD"}, Fit.NO),
    ],
)
def test_what_an_instance_tells(keys: dict[str, str], returned: dict[str, str], fit: Fit) -> None:
    assert fits(keys, returned, "IMAGE") is fit


values = st.sampled_from(("", "1", "2"))
told = st.dictionaries(st.sampled_from(SERIES_KEYS + IMAGE_KEYS), values)
asked = st.dictionaries(st.sampled_from(SERIES_KEYS + IMAGE_KEYS), st.sampled_from(("1", "2")), min_size=1)


@given(keys=asked, returned=told)
def test_only_what_was_told_of_all_keys_as_asked_fits_and_only_what_contradicts_does_not(
    keys: dict[str, str], returned: dict[str, str]
) -> None:
    same = {keyword: returned.get(keyword) == value for keyword, value in keys.items()}
    contradicted = {keyword for keyword in keys if returned.get(keyword) and not same[keyword]}
    of_one = {keyword for keyword in contradicted if level_of(keyword) == "SERIES"}
    assert (fits(keys, returned, "SERIES") is Fit.YES) == all(same.values())
    assert (fits(keys, returned, "SERIES") is Fit.NO) == bool(of_one)
    assert (fits(keys, returned, "IMAGE") is Fit.YES) == all(same.values())
    assert (fits(keys, returned, "IMAGE") is Fit.NO) == bool(contradicted)


def candidate(study: str = "1.1", **keys: str) -> Candidate:
    return Candidate(study=FoundStudy(study_instance_uid=study, promised_count=None), keys=keys or CHEST)


def uids(series: Sequence[FoundSeries]) -> list[str]:
    return sorted(one.series_instance_uid for one in series)


def test_series_of_another_study_and_without_a_usable_uid_are_not_taken() -> None:
    one = candidate()
    one.take_series({"SeriesInstanceUID": "9.9.1", "StudyInstanceUID": "9.9", **CHEST})
    one.take_series({"SeriesInstanceUID": "no uid", **CHEST})
    one.take_series(CHEST)
    assert (one.matching, one.unclear, one.told) == ([], [], set(CHEST))
    one.take_series({"SeriesInstanceUID": "1.1.1", "StudyInstanceUID": "1.1", **CHEST})
    one.take_series({"SeriesInstanceUID": "1.1.2", "NumberOfSeriesRelatedInstances": "7", **CHEST})
    assert [(series.series_instance_uid, series.promised_count) for series in one.matching] == [
        ("1.1.1", None),
        ("1.1.2", 7),
    ]


def test_instances_of_another_study_or_series_say_nothing() -> None:
    one = candidate(**FIRST_DAY)
    one.take_series({"SeriesInstanceUID": "1.1.1"})
    (unclear,) = one.unclear
    one.take_instances(unclear, [{"SeriesInstanceUID": "1.1.2", **FIRST_DAY}])
    one.take_instances(unclear, [{"StudyInstanceUID": "9.9", **FIRST_DAY}])
    assert (one.matching, one.told) == ([], set())
    one.take_instances(unclear, [{"SeriesInstanceUID": "1.1.1", **FIRST_DAY}])
    assert uids(one.matching) == ["1.1.1"]


def test_what_holds_for_a_series_is_not_looked_for_in_its_instances() -> None:
    one = candidate(**CHEST, **FIRST_DAY, BodyPartExamined="THORAX")
    one.take_series({"SeriesInstanceUID": "1.1.1", **CHEST})
    (unclear,) = one.unclear
    assert unclear.keys == FIRST_DAY | {"BodyPartExamined": "THORAX"}
    one.take_instances(unclear, [{"BodyPartExamined": "THORAX"}, FIRST_DAY])
    assert one.matching == []  # no single instance has both
    one.take_instances(unclear, [{"BodyPartExamined": "THORAX", **FIRST_DAY}])
    assert uids(one.matching) == ["1.1.1"]


Instances = list[dict[str, str]]


@dataclass(kw_only=True)
class Holdings:
    """What an archive holds: by study and series what all instances share, and what each has of its own."""

    studies: dict[str, dict[str, tuple[dict[str, str], Instances]]]

    def having(self, study: str, keys: Mapping[str, str]) -> list[str]:
        """The series of a study with an instance that has all these values."""
        return sorted(
            uid
            for uid, (shared, instances) in self.studies[study].items()
            if any(keys.items() <= (shared | own).items() for own in instances)
        )


def holdings(studies: dict[str, list[tuple[dict[str, str], Instances]]]) -> Holdings:
    return Holdings(
        studies={
            study: {f"{study}.{number}": series for number, series in enumerate(of_it, start=1)}
            for study, of_it in studies.items()
        }
    )


def shared_values(keywords: Sequence[str]) -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({keyword: st.sampled_from(("1", "2")) for keyword in keywords})


held = st.dictionaries(
    st.sampled_from(("1.1", "1.2", "1.3")),
    st.lists(
        st.tuples(shared_values(SERIES_KEYS), st.lists(shared_values(IMAGE_KEYS), min_size=1, max_size=3)),
        max_size=3,
    ),
    min_size=1,
).map(holdings)
Fault = Callable[[str, int], FindAnswer | None]


@dataclass
class Archive(Asking):
    """Answers at once what it holds, all of it; `tells` the values of a series' first instance with it.

    `fault` gives another answer to the n-th query of a level.
    """

    holds: Holdings
    tells: bool = False
    fault: Fault = lambda _level, _number: None
    sizes: list[int] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=lambda: {"SERIES": 0, "IMAGE": 0})

    def ask(
        self,
        level: str,
        queries: Sequence[Mapping[str, str]],
        returned: Sequence[str],
        then: Callable[[Answers], None],
        *,
        lines: Sequence[int] = (),
    ) -> None:
        del lines
        self.sizes.append(len(queries))
        answers = [self._answer(level, keys, returned) for keys in queries]
        lost = next((index for index, one in enumerate(answers) if one.status is None), None)
        then(Answers(answers=answers, first_lost=lost, charged=True, reason="cut off"))

    def _answer(self, level: str, keys: Mapping[str, str], returned: Sequence[str]) -> FindAnswer:
        number = self.numbers[level]
        self.numbers[level] += 1
        fault = self.fault(level, number)
        return fault or answer(*self._matches(level, keys, set(returned)))

    def _matches(self, level: str, keys: Mapping[str, str], returned: set[str]) -> list[dict[str, str]]:
        study = keys["StudyInstanceUID"]
        found = []
        for uid, (shared, instances) in self.holds.studies[study].items():
            above = {"StudyInstanceUID": study, "SeriesInstanceUID": uid}
            if level == "SERIES":
                found.append(above | shared | (instances[0] if self.tells else {}))
            elif uid == keys["SeriesInstanceUID"]:
                found += [above | own for own in instances]
        return [
            {keyword: value for keyword, value in one.items() if keyword in returned | above.keys()}
            for one in found
        ]


def walk(archive: Archive, candidates: Sequence[Candidate], *, batch_size: int) -> int:
    """Walk to the end; gives how often it was told."""
    ends: list[bool] = []
    walking = Walk(archive, candidates, batch_size=batch_size, then=lambda: ends.append(True))
    for _ in range(100):
        if ends:
            break
        walking.advance()
    return len(ends)


@given(holds=held, keys=asked, batch_size=st.integers(1, 4), tells=st.booleans())
def test_exactly_the_series_are_found_that_have_an_instance_with_all_values(
    holds: Holdings, keys: dict[str, str], batch_size: int, *, tells: bool
) -> None:
    candidates = [candidate(study, **keys) for study in holds.studies]
    archive = Archive(holds, tells=tells)
    assert walk(archive, candidates, batch_size=batch_size) == 1
    for one in candidates:
        assert uids(one.matching) == holds.having(one.study.study_instance_uid, keys)
        if holds.studies[one.study.study_instance_uid] and one.matching:
            assert one.told == set(keys)
        assert one.open
    assert max(archive.sizes) <= batch_size


@given(
    holds=held,
    keys=asked,
    batch_size=st.integers(1, 4),
    faults=st.dictionaries(
        st.tuples(st.sampled_from(("SERIES", "IMAGE")), st.integers(0, 5)),
        st.sampled_from((None, REFUSED, UNABLE)),
    ),
)
def test_whatever_fails_the_walk_ends_once_and_what_was_not_told_is_not_called_known(
    holds: Holdings, keys: dict[str, str], batch_size: int, faults: dict[tuple[str, int], int | None]
) -> None:
    def fault(level: str, number: int) -> FindAnswer | None:
        return answer(status=faults[level, number]) if (level, number) in faults else None

    candidates = [candidate(study, **keys) for study in holds.studies]
    assert walk(Archive(holds, fault=fault), candidates, batch_size=batch_size) == 1
    for one in candidates:
        found, there = uids(one.matching), holds.having(one.study.study_instance_uid, keys)
        assert set(found) <= set(there)
        assert found == there or one.untold or one.lost


@pytest.mark.parametrize(
    ("status", "refused", "lost"),
    [
        (REFUSED, True, ""),
        (UNABLE, False, "the archive answered unable to process (C000)"),
        (None, False, "cut off"),
    ],
)
def test_a_refusal_is_final_and_anything_else_is_asked_again(
    status: int | None, lost: str, *, refused: bool
) -> None:
    one = candidate()
    holds = holdings({"1.1": [(CHEST, [{}])]})
    walk(Archive(holds, fault=lambda _level, _number: answer(status=status)), [one], batch_size=1)
    assert one.untold is refused
    assert one.lost == lost
    assert one.charged == bool(lost)


@pytest.mark.parametrize(
    ("returned", "untold"), [(CHEST, True), ({}, True), ({"SeriesDescription": "HEAD"}, False)]
)
def test_a_series_without_a_uid_that_may_be_meant_is_not_left_out_in_silence(
    returned: dict[str, str], *, untold: bool
) -> None:
    one = candidate()
    for uid in ("", "1.1.x"):
        one.take_series({"SeriesInstanceUID": uid, **returned})
    one.take_series({"SeriesInstanceUID": "1.1.1", **CHEST})
    assert one.untold is untold
    assert uids(one.matching) == ["1.1.1"], "others of the study are found all the same"


def test_a_study_that_is_lost_is_not_asked_about_further() -> None:
    day = dict.fromkeys(IMAGE_KEYS, "1")
    holds = holdings({"1.1": [({}, [day]), ({}, [day]), ({}, [day])], "1.2": [({}, [day])]})
    archive = Archive(
        holds, fault=lambda level, n: answer(status=UNABLE) if (level, n) == ("IMAGE", 0) else None
    )
    candidates = [candidate(study, **day) for study in holds.studies]
    walk(archive, candidates, batch_size=1)
    assert archive.numbers == {"SERIES": 2, "IMAGE": 2}
    assert uids(candidates[1].matching) == ["1.2.1"]


def test_where_nobody_is_there_any_more_what_is_known_stays_and_the_rest_costs_nothing() -> None:
    holds = holdings({"1.1": [(CHEST, [{}])], "1.2": [({}, [{}])], "1.3": [(CHEST, [{}])]})
    candidates = [candidate(study) for study in holds.studies]
    ends: list[bool] = []
    walking = Walk(Archive(holds), candidates, batch_size=2, then=lambda: ends.append(True))
    walking.advance()
    walking.give_up("the archive does not answer")
    assert ends == [True]
    assert [(one.open, uids(one.matching), one.charged) for one in candidates] == [
        (True, ["1.1.1"], False),
        (False, [], False),
        (False, [], False),
    ]


def test_nothing_to_look_for_is_an_end() -> None:
    archive = Archive(holdings({}))
    assert walk(archive, [], batch_size=1) == 1
    assert archive.sizes == []
