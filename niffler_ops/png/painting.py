"""From an instance to its pictures, frame by frame."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from niffler_ops.png.aspect import pixel_aspect_ratio, squared
from niffler_ops.png.blanking import blanked
from niffler_ops.png.colour import rgb
from niffler_ops.png.description import shown
from niffler_ops.png.display import Coloured, Displayed, Painted, Raw, Transform, raw_of, transformed
from niffler_ops.png.encoding import encoded
from niffler_ops.png.errors import CannotRenderError
from niffler_ops.png.facts import Facts, Frame
from niffler_ops.png.instance import Instance
from niffler_ops.png.rendering import Aspect, Rectangle, Rendering, Scaling, Values
from niffler_ops.png.values import text_of
from niffler_ops.png.voi import Limits, Window
from niffler_ops.png.words import TABLE_BITS, Array, StoredFrame

_SQUARE = 1.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Painter:
    """`limits` become black and white in frames that do not say what is to be seen."""

    instance: Instance
    rendering: Rendering
    blank: Sequence[Rectangle]
    limits: Limits | None

    def frame(self, number: int, stored: StoredFrame) -> Frame:
        """The picture of a frame, 1 the first."""
        transform = self._transform(number - 1, stored)
        pixels = rgb(stored, self.rendering.depth) if transform is None else transformed(stored, transform)
        pixels = blanked(pixels, self.blank)
        ratio = pixel_aspect_ratio(self.instance.header, number - 1)
        if ratio != _SQUARE and self.rendering.aspect == Aspect.RESAMPLE:
            raw = isinstance(transform, Raw)  # between two measured values there may be none that was
            resampled = squared(pixels, ratio, smooth=not raw)
            pixels, ratio = resampled, ratio if resampled is pixels else _SQUARE
        return Frame(number=number, parts=encoded(pixels), facts=self._facts(pixels, transform, ratio))

    def _transform(self, frame: int, stored: StoredFrame) -> Transform | None:
        """What makes levels of stored values; None for three samples, which are colours already."""
        instance, depth = self.instance, self.rendering.depth
        if not instance.plans:
            if instance.pixel.samples > 1:
                return None
            if instance.palette is None:
                raise CannotRenderError(f"{shown(instance.pixel.photometric)} photometric interpretation")
            return Painted(instance.palette, depth)
        plan = instance.plan(frame)
        limits = self.limits or Limits(0.0, 0.0)
        if self.rendering.values == Values.RAW:
            return raw_of(plan.modality, stored.layout, limits)
        grey = Displayed(plan.modality, plan.voi or limits, _inverted(instance), depth)
        return grey if instance.palette is None else Coloured(grey, instance.palette)

    def _facts(self, pixels: Array, transform: Transform | None, ratio: float) -> Facts:
        facts = Facts(
            rows=pixels.shape[0],
            columns=pixels.shape[1],
            bits=self.rendering.depth,
            samples=1 if pixels.ndim == 2 else 3,  # noqa: PLR2004 - rows and columns only
            photometric_interpretation=self.instance.pixel.photometric,
            transfer_syntax=str(self.instance.pixel.syntax),
            pixel_aspect_ratio=ratio,
        )
        if isinstance(transform, Coloured):
            transform = transform.grey
        if isinstance(transform, Raw):
            return replace(facts, slope=transform.slope, intercept=transform.intercept)
        return _seen(facts, transform) if isinstance(transform, Displayed) else facts


def pictures(
    instance: Instance, rendering: Rendering, blank: Sequence[Rectangle], limits: Limits | None
) -> Iterator[Frame]:
    """The pictures of all frames in turn; where `limits` are wanting, the frames are read twice."""
    if limits is None and _wants_limits(instance, rendering):
        low, high = (0.0, 100.0)
        if rendering.values == Values.DISPLAY and rendering.scaling != Scaling.FULL:
            low, high = rendering.percentiles
        limits = instance.spread(instance.stored(), blank).limits(low, high)
    painter = Painter(instance=instance, rendering=rendering, blank=blank, limits=limits)
    for number, stored in enumerate(instance.stored(), start=1):
        yield painter.frame(number, stored)


def _wants_limits(instance: Instance, rendering: Rendering) -> bool:
    """Whether something has to be known of all values before the first frame can be drawn."""
    if rendering.values == Values.RAW:
        return bool(instance.plans) and instance.pixel.bits_stored > TABLE_BITS
    return any(plan.voi is None for plan in instance.plans)


def _inverted(instance: Instance) -> bool:
    """Whether the smallest value is white.

    PresentationLUTShape decides where it is present, as in DCMTK and dcm4che. With MONOCHROME1 it is INVERSE
    and says the same again (PS3.3 C.8.11.3.1.2): both together do not cancel out.
    """
    shape = text_of(instance.header, "PresentationLUTShape")
    return shape == "INVERSE" or (shape != "IDENTITY" and instance.pixel.photometric == "MONOCHROME1")


def _seen(facts: Facts, transform: Displayed) -> Facts:
    """The facts with what was made visible."""
    facts = replace(facts, inverted=transform.inverted)
    voi = transform.voi
    if isinstance(voi, Window):
        return replace(facts, voi=voi.function.value, center=voi.center, width=voi.width)
    if isinstance(voi, Limits):
        return replace(facts, voi="RANGE", low=voi.low, high=voi.high)
    return replace(facts, voi="LUT")
