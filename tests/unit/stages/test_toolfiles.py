"""Files of tools that are used again."""

from pathlib import Path

from niffler_ops.dicomtools.answerfiles import read_answer_file
from niffler_ops.stages.toolfiles import MOST_KEPT, AnswerFiles, QueryFiles


def test_files_are_written_over_those_of_the_call_before(tmp_path: Path) -> None:
    files = QueryFiles(tmp_path / "requests" / "move-1")
    first = files.write([b"a long query", b"another"])
    inodes = [path.stat().st_ino for path in first]
    second = files.write([b"short"])
    assert [path.name for path in first] == ["1.query", "2.query"]
    assert second == first[:1]
    assert second[0].read_bytes() == b"short"
    assert [path.stat().st_ino for path in first] == inodes
    assert {path.stat().st_mode & 0o777 for path in first} == {0o600}
    assert first[0].parent.stat().st_mode & 0o777 == 0o700


def test_answers_of_a_call_leave_files_for_the_next_that_are_no_answers(tmp_path: Path) -> None:
    files = AnswerFiles(tmp_path / "answers")
    files.make()
    written = files.folder / "001.dcm"
    written.write_bytes(b"identifiers")
    inode = written.stat().st_ino
    files.clear()
    assert (written.read_bytes(), written.stat().st_ino) == (b"i", inode)
    assert read_answer_file(written) is None


def test_very_many_answers_are_removed(tmp_path: Path) -> None:
    files = AnswerFiles(tmp_path / "answers")
    files.make()
    for number in range(MOST_KEPT + 1):
        (files.folder / str(number)).touch()
    files.clear()
    assert list(files.folder.iterdir()) == []
