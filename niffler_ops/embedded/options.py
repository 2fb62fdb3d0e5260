"""Command lines as Apache's commons-cli reads them for dcm4che, traps included."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NoReturn

from niffler_ops.model import Peer

LARGEST_PORT = 65535


class OptionError(Exception):
    """The command line is wrong; the text is the first line on stderr."""


class Takes(Enum):
    """What follows an option."""

    NOTHING = "nothing"
    ONE = "one"
    MANY = "many"  # every word up to the next option
    PAIRS = "pairs"  # the same, each divided at its first =


@dataclass(frozen=True, kw_only=True, slots=True)
class Option:
    """One option of a tool, by its short or long name; of those with one `group`, one may be given."""

    name: str
    takes: Takes = Takes.ONE
    help: str
    group: str = ""

    @property
    def flag(self) -> str:
        """The name with its hyphens."""
        return f"-{self.name}" if len(self.name) == 1 else f"--{self.name}"


@dataclass(kw_only=True)
class Arguments:
    """What a command line says: values by option name, and the words that belong to none."""

    values: dict[str, list[str]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def has(self, name: str) -> bool:
        """Whether the option was given."""
        return name in self.values

    def text(self, name: str, default: str = "") -> str:
        """The first value of an option."""
        return (self.values.get(name) or [default])[0]

    def number(self, name: str, default: int = 0) -> int:
        """A whole number, decimal, or hexadecimal with a final H; raises OptionError."""
        given = self.text(name, str(default))
        try:
            return int(given[:-1], 16) if given.endswith("H") else int(given)
        except ValueError:
            raise OptionError(f'For input string: "{given}"') from None

    def seconds(self, name: str) -> float | None:
        """Milliseconds as seconds; None for an absent option or 0."""
        return self.number(name) / 1000 or None


def parse(options: Iterable[Option], argv: Sequence[str]) -> Arguments:
    """Read a command line; raises OptionError."""
    return _Parser(options).parse(argv)


class _Parser:
    def __init__(self, options: Iterable[Option]) -> None:
        self.by_flag = {option.flag: option for option in options}
        self.arguments = Arguments()
        self.current: Option | None = None
        self.groups: dict[str, Option] = {}

    def parse(self, argv: Sequence[str]) -> Arguments:
        for position, word in enumerate(argv):
            if word == "--":
                self._complete()
                self.arguments.words += argv[position + 1 :]
                return self.arguments
            self._word(word)
        self._complete()
        return self.arguments

    def _word(self, word: str) -> None:
        # An unknown option after one that takes many words counts among them, as it does there.
        option, attached = self._find(word)
        if option is not None:
            self._complete()
            self._begin(option)
            if attached is not None:
                self._value(attached)
        elif self.current is not None:
            self._value(word)
        elif word.startswith("-") and word != "-":
            raise OptionError(f"Unrecognized option: {word}")
        else:
            self.arguments.words.append(word)

    def _find(self, word: str) -> tuple[Option | None, str | None]:
        if word in self.by_flag:
            return self.by_flag[word], None
        if word.startswith("--"):
            flag, equals, value = word.partition("=")
            return (self.by_flag.get(flag), value) if equals else (None, None)
        short = self.by_flag.get(word[:2])
        if short is not None and short.takes is not Takes.NOTHING:
            return short, word[2:].removeprefix("=")
        return None, None

    def _begin(self, option: Option) -> None:
        before = self.groups.setdefault(option.group, option) if option.group else option
        if before is not option:
            raise OptionError(
                f"The option '{option.name}' was specified but an option from this group has already "
                f"been selected: '{before.name}'"
            )
        self.arguments.values.setdefault(option.name, [])
        self.current = None if option.takes is Takes.NOTHING else option
        self.taken = 0

    def _value(self, word: str) -> None:
        if self.current is None:
            raise OptionError(f"Unrecognized option: {word}")
        values = self.arguments.values[self.current.name]
        values += word.split("=", 1) if self.current.takes is Takes.PAIRS else [word]
        self.taken += 1
        if self.current.takes is Takes.ONE:
            self.current = None

    def _complete(self) -> None:
        if self.current is not None and not self.taken:
            raise OptionError(f"Missing argument for option: {self.current.name}")
        self.current = None


def pairs(arguments: Arguments, name: str) -> list[tuple[str, str]]:
    """The keys and values of an option that takes pairs; a last word alone is dropped, as it is there."""
    flat = arguments.values.get(name, [])
    return list(zip(flat[::2], flat[1::2], strict=False))


def remote(arguments: Arguments) -> Peer:
    """`-c AET@HOST:PORT`; raises OptionError."""
    given = arguments.text("c")
    if not given:
        raise OptionError("Missing required option: c")
    aet, at, address = given.partition("@")
    host, colon, port = address.rpartition(":")
    if not (aet and at and host and colon):
        raise OptionError(f"Invalid remote AE title: {given}")
    return Peer(aet=aet, host=host.strip("[]"), port=port_number(port))


def local(arguments: Arguments, default: str) -> Peer:
    """`-b AET[@HOST][:PORT]`; HOST is empty and PORT 0 where they are left out. Raises OptionError."""
    given = arguments.text("b", default)
    title, colon, port = given.rpartition(":")
    if not colon:
        title, port = given, "0"
    aet, _, host = title.partition("@")
    return Peer(aet=aet, host=host.strip("[]"), port=port_number(port))


def port_number(given: str) -> int:
    """A port; raises OptionError."""
    if not given.isdigit() or int(given) > LARGEST_PORT:
        raise OptionError(f"Invalid port: {given}")
    return int(given)


def usage(tool: str, synopsis: str, options: Iterable[Option]) -> str:
    """What --help prints."""
    operands = {Takes.NOTHING: "", Takes.ONE: " ARG", Takes.MANY: " ARG…", Takes.PAIRS: " KEY=VALUE…"}
    lines = [f"usage: {tool} {synopsis}", ""]
    lines += [f"  {option.flag + operands[option.takes]:<32} {option.help}" for option in options]
    return "\n".join(lines)


def fail(tool: str, error: OptionError, write: Callable[[str], object]) -> NoReturn:
    """End as the tools do for a wrong command line."""
    write(f"{tool}: {error}\nTry `{tool} --help' for more information.\n")
    raise SystemExit(2)


def named(options: Mapping[str, str], takes: Takes = Takes.ONE) -> tuple[Option, ...]:
    """Options from names and help texts."""
    return tuple(Option(name=name, takes=takes, help=text) for name, text in options.items())
