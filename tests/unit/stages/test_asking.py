"""A batch of queries: what an early end means for each of them, and the watch over a silent findscu.

The findscu is a shell script that says what the real one says.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from niffler_ops.dicomtools.findscu import FindAnswer
from niffler_ops.dicomtools.querykeys import query_file
from niffler_ops.dicomtools.storescp import short_name
from niffler_ops.errors import UnavailableError
from niffler_ops.stages import asking
from niffler_ops.stages.asking import Answers, Asking
from tests.support.peers import absent, answering
from tests.support.stages import Bench, bench

pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

QUERIES = [{"AccessionNumber": f"A{number}"} for number in (1, 2, 3)]
HANGS = "exec sleep 60"
IGNORES = "trap '' TERM\necho deaf\nwhile :; do sleep 0.02; done"
FIND = """
respond() { echo "Q->PACS(1) >> $1:C-FIND-RSP[pcid=1, status=$2H"; }
while [ "$1" != --out-dir ]; do shift; done
answers=$2
match() { respond $1 ff00; found=$((found + 1)); cp "$MATCH" "$answers/00$found.dcm"; }
"""


class Questioning:
    """A bench with a stage that asks, and the answers it got."""

    def __init__(self, made: Bench) -> None:
        self.bench = made
        self.asking = Asking(made.place, made.contact)
        self.answers: list[Answers] = []
        self.match = made.folder / "match.dcm"
        self.match.write_bytes(query_file({"StudyInstanceUID": "1.2.3", "AccessionNumber": "A1"}))

    def begin(self, script: str) -> None:
        self.bench.script("findscu", f"MATCH={self.match}\n{FIND}echo begun\n{script}")
        self.asking.ask("STUDY", QUERIES, ["StudyInstanceUID"], self.answers.append, lines=[2, 3, 5])
        (child,) = self.bench.launcher.children
        self.bench.dispatch_until(lambda: child.output or child.exit_code is not None)

    def ask(self, script: str) -> Answers:
        self.begin(script)
        return self.answer()

    def answer(self) -> Answers:
        self.bench.dispatch_until(lambda: self.answers, "the answers")
        return self.answers.pop()

    def silent_for(self, seconds: float) -> None:
        self.bench.clock.pass_time(seconds)
        self.asking.advance()


@pytest.fixture(params=["an archive that answers"])
def questioning(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Questioning]:
    with ExitStack() as stack:
        archive = absent() if request.param == "no archive" else stack.enter_context(answering())
        yield Questioning(stack.enter_context(bench(tmp_path, archive, QueryTimeout=100, RetryDelay=10)))


without_archive = pytest.mark.parametrize("questioning", ["no archive"], indirect=True)


def statuses(answers: Answers) -> Sequence[int | None]:
    return [answer.status for answer in answers.answers]


def test_every_query_has_its_answer(questioning: Questioning) -> None:
    answers = questioning.ask("match 1; match 1; respond 1 0; respond 2 0; match 3; respond 3 a700")
    assert statuses(answers) == [0, 0, 0xA700]
    assert [answer.complete for answer in answers.answers] == [True, True, False]
    assert [len(answer.matches) for answer in answers.answers] == [2, 0, 1]
    assert (answers.first_lost, answers.reason) == (None, "")
    assert not questioning.asking.busy
    assert questioning.asking.ready


def test_the_first_batch_may_be_small_and_none_is_larger_than_configured(questioning: Questioning) -> None:
    place, contact = questioning.bench.place, questioning.bench.contact
    most = place.config.query_batch_size
    assert Asking(place, contact).batch == Asking(place, contact, first_batch=most + 1).batch == most
    questioning.asking = Asking(place, contact, first_batch=2)
    assert questioning.asking.batch == 2
    questioning.ask("respond 1 0; respond 2 0; respond 3 0")
    assert questioning.asking.batch == most


def test_queries_and_answers_are_private_and_nothing_is_left_of_an_answer(questioning: Questioning) -> None:
    questioning.begin("match 1; respond 1 0; respond 2 0; sleep 0.2; respond 3 0")
    (folder,) = questioning.bench.layout.requests.iterdir()
    queries = [path for path in folder.iterdir() if path.suffix == ".query"]
    assert len(queries) == 3
    assert {path.stat().st_mode & 0o777 for path in queries} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert "A1" not in " ".join(questioning.bench.calls()[0])
    questioning.answer()
    assert sorted(folder.iterdir()) == sorted([*queries, folder / "answers"])
    assert [path.stat().st_size for path in (folder / "answers").iterdir()] == [1]


def test_the_first_query_without_an_answer_counts_where_the_archive_is_there(
    questioning: Questioning,
) -> None:
    answers = questioning.ask("match 1; respond 1 0; match 2; kill -9 $$")
    assert statuses(answers) == [0, None, None]
    assert (answers.first_lost, answers.charged) == (1, True)
    assert [answer.complete for answer in answers.answers] == [True, False, False]
    assert len(list(questioning.bench.layout.logs.iterdir())) == 1


def test_the_log_names_the_line_of_the_first_query_without_an_answer(
    questioning: Questioning, caplog: pytest.LogCaptureFixture
) -> None:
    questioning.ask("match 1; respond 1 0; match 2; kill -9 $$")
    assert caplog.messages[0].endswith("(line 3)")


def test_the_log_names_the_study_where_the_query_is_about_one(
    questioning: Questioning, caplog: pytest.LogCaptureFixture
) -> None:
    questioning.bench.script("findscu", "exit 2")
    questioning.asking.ask("SERIES", [{"StudyInstanceUID": "1.1"}], [], questioning.answers.append)
    questioning.answer()
    assert caplog.messages[0].endswith(f"(study {short_name('1.1')})")


def test_nothing_counts_where_the_run_is_to_end_and_nothing_more_is_asked(
    questioning: Questioning, caplog: pytest.LogCaptureFixture
) -> None:
    questioning.begin(f"match 1; respond 1 0; {HANGS}")
    (child,) = questioning.bench.launcher.children
    questioning.bench.dispatch_until(lambda: any("status=0H" in line for line in child.output), "an answer")
    child.terminate()
    answers = questioning.answer()
    assert statuses(answers) == [0, None, None]
    assert (answers.first_lost, answers.charged, answers.reason) == (1, False, "stopped")
    assert not questioning.asking.ready
    assert questioning.asking.hindrance == "stopped"
    assert caplog.messages == []
    assert list(questioning.bench.layout.logs.iterdir()) == []


@without_archive
def test_nothing_counts_where_the_archive_is_gone(questioning: Questioning) -> None:
    answers = questioning.ask("echo 'java.net.ConnectException: Connection refused'; exit 2")
    assert statuses(answers) == [None, None, None]
    assert (answers.first_lost, answers.charged) == (0, False)
    assert answers.reason == "connection refused"
    assert not questioning.bench.contact.usable
    assert not questioning.asking.ready


def test_answers_that_could_not_be_written_are_not_complete(questioning: Questioning) -> None:
    answers = questioning.ask("respond 1 ff00; respond 1 0; respond 2 0; respond 3 0")
    assert [answer.complete for answer in answers.answers] == [False, True, True]


def test_a_silent_findscu_is_ended_after_the_query_timeout(questioning: Questioning) -> None:
    questioning.begin(f"respond 1 0\n{HANGS}")
    (child,) = questioning.bench.launcher.children
    questioning.bench.dispatch_until(lambda: any("status=0H" in line for line in child.output), "an answer")
    questioning.silent_for(99)
    assert questioning.answers == []
    questioning.silent_for(2)
    answers = questioning.answer()
    assert statuses(answers) == [0, None, None]
    assert (answers.first_lost, answers.charged) == (1, True)
    assert answers.reason == "the archive did not answer a query for 100 s"


def test_a_findscu_that_speaks_is_not_silent(questioning: Questioning) -> None:
    go = questioning.bench.folder / "go"
    questioning.begin(f"until [ -e {go} ]; do sleep 0.02; done\nmatch 1\necho spoke\n{HANGS}")
    (child,) = questioning.bench.launcher.children
    questioning.silent_for(99)
    go.touch()
    questioning.bench.dispatch_until(lambda: "spoke\n" in child.output)
    questioning.silent_for(99)
    assert child.exit_code is None
    assert not questioning.asking._hung


def test_an_archive_that_never_stops_answering_is_stopped(
    questioning: Questioning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "MOST_MATCHES", 50)
    once = "for n in $(seq 50); do respond 1 ff00; done; respond 1 0\n"
    endless = "n=0; while [ $n -lt 5000 ]; do respond 2 ff00; n=$((n + 1)); done\n"
    answers = questioning.ask(f"{once}{endless}{HANGS}")
    assert statuses(answers) == [0, None, None]
    assert (answers.first_lost, answers.charged) == (1, True)
    assert answers.reason == "the archive answered a query with more than 50 matches"


def test_one_that_ignores_being_ended_is_killed(questioning: Questioning) -> None:
    questioning.begin(IGNORES)
    (child,) = questioning.bench.launcher.children
    questioning.bench.dispatch_until(lambda: "deaf\n" in child.output)
    questioning.silent_for(101)
    questioning.silent_for(5)
    questioning.answer()
    assert child.exit_code == -9


def test_a_release_that_hangs_loses_no_answer(questioning: Questioning) -> None:
    questioning.begin(f"respond 1 0; respond 2 0; respond 3 0\necho said\n{HANGS}")
    (child,) = questioning.bench.launcher.children
    questioning.bench.dispatch_until(lambda: "said\n" in child.output)
    questioning.silent_for(11)
    answers = questioning.answer()
    assert (statuses(answers), answers.first_lost) == ([0, 0, 0], None)


def test_batches_without_any_answer_follow_each_other_ever_more_slowly(questioning: Questioning) -> None:
    ready = []
    for script, seconds in (
        ("kill -9 $$", (0, 13)),
        ("kill -9 $$", (13, 13)),
        ("respond 1 0; kill -9 $$", (0,)),
    ):
        questioning.ask(script)
        for pause in seconds:
            questioning.bench.clock.pass_time(pause)
            ready.append(questioning.asking.ready)
    assert ready == [False, True, False, True, True]


def test_a_findscu_that_cannot_run_ends_the_run(questioning: Questioning) -> None:
    with pytest.raises(UnavailableError, match=r"findscu cannot run .*: Java was not found"):
        questioning.ask("echo 'java: not found' >&2; echo 'java: not found'; exit 127")


@pytest.mark.parametrize(
    ("status", "first_lost", "final", "charged"),
    [
        (0x0122, None, True, True),
        (0xA900, None, True, True),
        (0xA700, None, False, True),
        (0xC000, None, False, True),
        (None, 0, False, True),
        (None, -1, False, False),
    ],
)
def test_a_refusal_for_good_is_told_from_one_for_now(
    status: int | None, first_lost: int | None, *, final: bool, charged: bool
) -> None:
    answers = Answers(
        answers=[FindAnswer(status=status, comment="", matches=(), complete=False)],
        first_lost=first_lost,
        charged=True,
        reason="cut off",
    )
    shortfall = answers.shortfall(0)
    assert shortfall is not None
    assert (shortfall.final, shortfall.charged) == (final, charged)
