"""Jobs and their outcomes survive the way to a worker and back."""

import json
import os
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from niffler_ops.postprocess.job import Job, Outcome, Processor, Settings, Verdict, job_files

TEXTS = st.text(st.characters(exclude_categories=[])) | st.binary().map(os.fsdecode)
SETTINGS = st.builds(
    Settings,
    **{field.name: TEXTS for field in fields(Settings) if field.type is str},
    options=st.lists(TEXTS).map(tuple),
    featuresets=st.lists(TEXTS).map(tuple),
    command=st.lists(TEXTS).map(tuple),
    bits=st.sampled_from([8, 16]),
    files_per_folder=st.integers(0, 9),
    draw=st.booleans(),
    everything=st.booleans(),
    common=st.booleans(),
    parquet=st.booleans(),
)
JOBS = st.builds(
    Job,
    name=TEXTS,
    processor=st.sampled_from(Processor),
    files=st.lists(TEXTS).map(tuple),
    settings=SETTINGS,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("jobs") / "1.job"


@given(job=JOBS)
def test_a_job_is_read_as_it_was_written_whatever_its_paths_are(job: Job, file: Path) -> None:
    file.write_bytes(job.written())
    read = Job.load(file)
    assert read == job
    assert hash(read.settings) == hash(job.settings), "workers remember by settings"


def test_a_path_that_is_no_utf_8_still_names_its_file(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"M\xfcller.dcm")
    path.write_bytes(b"content")
    job = Job(
        name="study",
        processor=Processor.PNG,
        files=(str(path),),
        settings=Settings(root=str(tmp_path), output="", private="", secret=""),
    )
    (tmp_path / "1.job").write_bytes(job.written())
    assert Path(Job.load(tmp_path / "1.job").files[0]).read_bytes() == b"content"


@given(
    outcome=st.builds(
        Outcome,
        verdict=st.sampled_from(Verdict),
        files=st.integers(0),
        held=st.integers(0),
        reason=TEXTS,
    ),
    number=st.integers(1),
)
def test_an_outcome_is_one_line_and_is_read_as_it_was_written(outcome: Outcome, number: int) -> None:
    line = outcome.line(number)
    assert line.isascii()
    assert len(line.splitlines()) == 1
    assert Outcome.parse(line + "\n") == (number, outcome)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "Warning: something about pixels",
        "12",
        "null",
        "[]",
        '"job"',
        "{}",
        '{"job": 1}',
        '{"job": "first", "verdict": "done"}',
        '{"job": 1, "verdict": "splendid"}',
        '{"job": 1, "verdict": "done", "colour": "green"}',
        '{"job": 1, "verdict": "done"',
        json.dumps({"job": 1, "verdict": "done"}) * 2,
    ],
)
def test_what_else_a_worker_prints_is_no_outcome(line: str) -> None:
    assert Outcome.parse(line) is None


def test_job_files_are_numbered_as_their_answers_are() -> None:
    assert job_files(Path("folder"), 2) == [Path("folder/1.job"), Path("folder/2.job")]
    assert job_files(Path("folder"), 0) == []
