"""The story of a row in words, for a terminal of 80 columns; commands stand on one line each."""

import textwrap
from collections.abc import Iterable, Iterator

from niffler_ops.reporting.by_hand import HIDDEN, destination_of
from niffler_ops.reporting.retelling import Moment, StudyStory
from niffler_ops.reporting.story import Story
from niffler_ops.reporting.words import counted, local_time, number, size
from niffler_ops.states import StudyState
from niffler_ops.terminal import printable

WIDTH = 80
LABEL = 12
TIME = 28  # a local time with its zone, and two blanks


def story_text(story: Story) -> str:
    """All of it, ending with a newline."""
    sections = [_row(story), *(_study(study) for study in story.studies), _by_hand(story)]
    return "\n\n".join("\n".join(lines) for lines in map(list, sections) if lines) + "\n"


def _row(story: Story) -> Iterator[str]:
    reason = f": {story.reason}" if story.reason else ""
    yield from _fact(f"Line {story.line}", f"{story.state.replace('_', ' ')}{reason}")
    for keyword, value in story.keys.items():
        yield from _fact("", f"{keyword} {value}")
    if story.mismatches:
        yield from _fact(
            "Dropped", f"{counted(story.mismatches, 'answer')} with other values than were asked"
        )
    if story.untold:
        yield from _fact("Untold", f"{counted(story.untold, 'study')} of which the archive did not tell")
    yield from _history(story.moments, story.not_given)
    studies = counted(story.studies_total, "study")
    if story.studies_total > len(story.studies):
        studies += f", of which the first {len(story.studies)} follow"
    yield from _fact("Matches", studies)
    yield from _fact("Next", story.ahead)


def _study(study: StudyStory) -> Iterator[str]:
    reason = f": {study.reason}" if study.reason else ""
    yield from _fact("Study", f"{study.name}, {study.state}{reason}")
    yield from _fact("Instances", _instances(study))
    if study.missing:
        count = study.expected - study.received
        more = f" and {number(count - len(study.missing))} more" if count > len(study.missing) else ""
        yield from _fact("Missing", f"{' '.join(study.missing)}{more}")
    yield from _history(study.moments, study.not_given)
    for post in study.post:
        yield from _fact(post.processor.capitalize(), f"{post.text}{'. ' if post.ahead else ''}{post.ahead}")
    yield from _fact("Next", study.ahead)


def _instances(study: StudyStory) -> str:
    if study.state is StudyState.DONE and study.verified is None:
        return f"{number(study.expected)} in the archive; they are listed and not retrieved"
    promise = {
        "uid": f"of {number(study.expected)} that the archive promised by UID",
        "count": f"of {number(study.expected)} that the archive promised by number",
        "none": "; the archive did not tell how many it has",
    }.get(study.promised_by or "", f"of {number(study.expected)} expected" if study.expected else "")
    text = f"{number(study.received)} {promise}".replace(" ;", ";").rstrip()
    text += f", {size(study.bytes_received)}"
    if study.surplus:
        text += f"; {number(study.surplus)} more that were not promised"
    return f"{text}; verified {study.verified.replace('_', ' ')}" if study.verified else text


def _history(moments: Iterable[Moment], not_given: Iterable[str]) -> Iterator[str]:
    for moment in moments:
        yield from _wrapped(f"{local_time(moment.at):{TIME}}", moment.text)
    for text in not_given:
        yield from _fact("Not given", text)


def _by_hand(story: Story) -> Iterator[str]:
    commands = dict.fromkeys((story.command, *(study.command for study in story.studies)))
    commands.pop("", None)
    if not commands:
        return
    yield "By hand"
    yield from commands
    hints = []
    if any(HIDDEN in command for command in commands):
        hints.append(f"With --identifiers the values stand where {HIDDEN} is.")
    destinations = {destination_of(study.command) for study in story.studies if study.command}
    if destinations:
        hints.append(
            f"What a movescu asks for is sent to {' and '.join(sorted(destinations))}: a storescp with that"
            " AE title must listen there; the extraction's own, where it has one, does only while it runs."
        )
    yield from textwrap.wrap(" ".join(hints), WIDTH)


def _fact(label: str, text: str) -> list[str]:
    return _wrapped(f"{label:{LABEL}}", text)


def _wrapped(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        printable(text),
        WIDTH,
        initial_indent=head,
        subsequent_indent=" " * len(head),
        break_on_hyphens=False,
    ) or [head.rstrip()]
