"""A whole FilePath: parsed, checked, and ready to say where an instance is filed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import PurePosixPath

from niffler_ops.patterns.components import Compiled, Unbound, compile_component
from niffler_ops.patterns.syntax import Component, parse_components, placeholders


@dataclass(frozen=True, slots=True)
class FilePattern:
    """A parsed FilePath.

    `keywords` are the attributes it needs, as `headers.read_instance` takes them. `study_depth` is the
    number of leading components that make a folder of the study's own, or None: they tell the Study Instance
    UID and nothing below study level. `needs_moment`: it names `now` and is to be bound by `at`.
    """

    text: str
    keywords: tuple[str, ...] = field(compare=False)
    study_depth: int | None = field(compare=False)
    needs_moment: bool = field(compare=False)
    _components: tuple[Compiled, ...] = field(compare=False, repr=False)

    @classmethod
    def parse(cls, text: str) -> "FilePattern":
        """Read a pattern; ValueError says what is wrong with it and at which character, the first being 1."""
        components = parse_components(text)
        compiled = tuple(map(compile_component, components))
        found = list(placeholders(components))
        if not any(each.attribute.key == "SOPInstanceUID" and each.identifies for each in found):
            raise ValueError("it cannot tell instances apart: it needs {00080018} or {00080018,md5}")
        return cls(
            text=text,
            keywords=tuple(dict.fromkeys(each.attribute.key for each in found)),
            study_depth=_study_depth(components),
            needs_moment=any(isinstance(part, Unbound) for parts in compiled for part in parts),
            _components=compiled,
        )

    def __str__(self) -> str:
        return self.text

    def at(self, moment: datetime) -> "FilePattern":
        """The same pattern with `now` being `moment`, in whatever time zone that is given."""
        if not self.needs_moment:
            return self
        return replace(
            self,
            needs_moment=False,
            _components=tuple(
                tuple(part.at(moment) if isinstance(part, Unbound) else part for part in parts)
                for parts in self._components
            ),
        )

    def path(self, attributes: Mapping[str, str]) -> PurePosixPath:
        """The relative path for these values."""
        return PurePosixPath(self.path_text(attributes))

    def path_text(self, attributes: Mapping[str, str]) -> str:
        """The same as text.

        It has the pattern's number of levels, whatever the values, and stays below its folder. KeyError
        where one of `keywords` is missing, RuntimeError while `needs_moment`.
        """
        return "/".join(
            [
                "".join([part if isinstance(part, str) else part.render(attributes) for part in parts])
                for parts in self._components
            ]
        )


def _study_depth(components: Sequence[Component]) -> int | None:
    for depth, component in enumerate(components[:-1], start=1):
        found = list(placeholders([component]))
        if not all(each.attribute.of_study for each in found):
            return None
        if any(each.attribute.key == "StudyInstanceUID" and each.identifies for each in found):
            return depth
    return None
