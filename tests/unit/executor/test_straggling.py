"""Who is late enough for a second start: three times what others took a file, and ten seconds."""

import pytest

from niffler_ops.executor.straggling import is_straggling


@pytest.mark.parametrize(
    ("waited", "files", "paces", "expected"),
    [
        (41.0, 10, [1.0, 1.0, 1.0], True),
        (39.0, 10, [1.0, 1.0, 1.0], False),
        (41.0, 100, [1.0, 1.0, 1.0], False),
        (41.0, 10, [1.0, 1.0, 50.0], True),
        (1e6, 1, [1.0, 1.0], False),
        (9.0, 0, [0.001] * 3, False),
    ],
)
def test_by_the_seconds_a_file_that_others_took(
    *, waited: float, files: int, paces: list[float], expected: bool
) -> None:
    assert is_straggling(waited, files, paces) is expected
