"""What a picture is, for the table beside it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """Rows, columns and bits are the picture's.

    `voi`: "LINEAR", "LINEAR_EXACT" or "SIGMOID" with `center` and `width`; "RANGE", from `low` to `high` of
    the modality's values; "LUT"; "" for colours and raw values.
    `slope` and `intercept`: the modality's value is level x slope + intercept; raw values only.
    `pixel_aspect_ratio`: height of a pixel by its width, 1 once resampled.
    """

    rows: int
    columns: int
    bits: int
    samples: int
    photometric_interpretation: str
    transfer_syntax: str
    voi: str = ""
    center: float | None = None
    width: float | None = None
    low: float | None = None
    high: float | None = None
    inverted: bool = False
    slope: float | None = None
    intercept: float | None = None
    pixel_aspect_ratio: float = 1.0


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Frame:
    """One picture; `number` is that of its frame, 1 the first. `parts` are the file, in order (os.writev)."""

    number: int
    parts: tuple[bytes, ...]
    facts: Facts

    @property
    def png(self) -> bytes:
        """The whole file."""
        return b"".join(self.parts)
