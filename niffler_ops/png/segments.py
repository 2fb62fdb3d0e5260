"""Segmented palettes, which describe runs and slopes instead of entries (PS3.3 C.7.9.2)."""

import numpy as np

_DISCRETE, _LINEAR, _INDIRECT = range(3)
_MOST = 1 << 16
_DEEPEST = 8  # repetitions of segments that repeat others


def expanded(data: bytes, *, wide: bool, little_endian: bool) -> list[int]:
    """The entries, of 16 bits where `wide`, else of 8; those up to the first senseless segment."""
    words = np.frombuffer(data[: len(data) // 2 * 2], "<u2" if little_endian else ">u2").astype("<u2")
    numbers = (words if wide else words.view(np.uint8)).tolist()
    entries: list[int] = []
    _expand(numbers, 0, len(numbers), entries, wide=wide, depth=0)
    return entries


def _expand(
    numbers: list[int], start: int, segments: int, entries: list[int], *, wide: bool, depth: int
) -> None:
    """Append the entries of so many segments from `start` on; a segment without any is senseless."""
    position = start
    for _ in range(segments):
        if position + 2 >= len(numbers) or len(entries) >= _MOST:
            return
        kind, length = numbers[position : position + 2]
        if not length:
            return
        position += 2
        if kind == _DISCRETE:
            entries.extend(numbers[position : position + length])
            position += length
        elif kind == _LINEAR and entries:
            steps = np.linspace(entries[-1], numbers[position], length + 1)[1:]
            entries.extend(np.rint(steps).astype(int).tolist())
            position += 1
        elif kind == _INDIRECT and position + _offset_size(wide=wide) <= len(numbers):
            target = _offset(numbers, position, wide=wide)
            if target >= position - 2 or depth == _DEEPEST:
                return  # only what was described already may be repeated, or it would never end
            _expand(numbers, target, length, entries, wide=wide, depth=depth + 1)
            position += _offset_size(wide=wide)
        else:
            return


def _offset_size(*, wide: bool) -> int:
    return 2 if wide else 4


def _offset(numbers: list[int], position: int, *, wide: bool) -> int:
    """Where the repeated segments begin; the data say it in bytes, the lowest part first."""
    bits = 16 if wide else 8
    parts = numbers[position : position + _offset_size(wide=wide)]
    offset = sum(part << bits * place for place, part in enumerate(parts))
    return offset // 2 if wide else offset
