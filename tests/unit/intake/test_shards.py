"""A list in parts: each row in exactly one, the same query in the same one, whatever stands around it."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from niffler_ops import intake
from niffler_ops.config import Config
from niffler_ops.errors import InputError
from niffler_ops.model import Shard
from tests.unit.intake.conftest import PAIRS, Maker

cells = st.text(alphabet="AB1* ,\"'", max_size=4)


def lines_of(config: Config, shard: Shard | None) -> dict[int, tuple[str, ...]]:
    """The lines of a shard, and what each asks for, nothing where it is refused."""
    ours = config.model_copy(update={"shard": shard})
    return {row.line: tuple(row.keys.values()) for row in intake.read_rows(ours)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(cells, cells), min_size=1, max_size=30), of=st.integers(1, 7))
def test_every_line_is_in_one_shard_and_a_query_in_one_only(
    given_csv: Maker, rows: list[tuple[str, str]], of: int
) -> None:
    quoted = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    config = given_csv("EMPI,Accession\n" + "\n".join(quoted))
    everything = lines_of(config, None)
    shards = [lines_of(config, Shard(number=number, of=of)) for number in range(1, of + 1)]
    assert sorted(line for shard in shards for line in shard) == sorted(everything)
    queries = [{query for query in shard.values() if query} for shard in shards]
    assert sum(map(len, queries)) == len(set().union(*queries))


def test_where_a_query_belongs_depends_on_nothing_else(given_csv: Maker) -> None:
    shard = Shard(number=2, of=3)
    rows = [(f"P{number}", f"A{number}") for number in range(60)]
    there = given_csv("P,A\n" + "".join(f"{p},{a}\n" for p, a in rows))
    kept = set(lines_of(there, shard).values())
    elsewhere = given_csv(
        "x,A,P\n" + "".join(f"-,{a},{p}\n" for p, a in reversed(rows)),
        **PAIRS | {"PatientIndex": 2, "AccessionIndex": 1},
    )
    assert 10 <= len(kept) <= 30
    assert {tuple(sorted(query)) for query in lines_of(elsewhere, shard).values()} == {
        tuple(sorted(query)) for query in kept
    }
    assert Shard(number=1, of=2).holds(["PatientID=P1"]) is True  # as it was on every machine before
    assert Shard(number=2, of=2).holds(["PatientID=P1"]) is False


def test_the_summary_is_that_of_the_shard(given_csv: Maker) -> None:
    config = given_csv("P,A\n" + "".join(f"P{number},A{number}\n" for number in range(30)) + "P,\n")
    summaries = [
        intake.check(config.model_copy(update={"shard": Shard(number=number, of=3)})) for number in (1, 2, 3)
    ]
    assert sum(summary.rows for summary in summaries) == 31
    assert sum(summary.rejected_count for summary in summaries) == 1
    assert len({summary.digest for summary in summaries}) == 1


def test_a_shard_without_a_line_is_told(given_csv: Maker) -> None:
    config = given_csv("P,A\nP1,A1\n")
    empty = [number for number in (1, 2) if not lines_of(config, Shard(number=number, of=2))]
    with pytest.raises(InputError, match=r"no line of it belongs to shard \d/2; fewer shards would do"):
        intake.check(config.model_copy(update={"shard": Shard(number=empty[0], of=2)}))
