"""Make the pictures of terminal and page from a real extraction of invented studies: python -m docs.pictures.

It takes half a minute and needs tmux and chromium. The folder's name, which is
seen, tells nothing of the machine.
"""
# ruff: noqa: INP001, S101, S603  docs/ is no package: it is run from the working copy and never installed, and
# starts our own commands, as a person at a terminal would

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from niffler_ops.demo.__main__ import Stage, archive, program
from niffler_ops.demo.corpus import write_corpus, write_csv
from tests.support.serving import CHROMIUM, NO_BROWSER, browser
from tests.support.tmux import NO_TMUX, TMUX, terminal

if TYPE_CHECKING:
    from playwright.sync_api import Browser

PICTURES = Path(__file__).with_name("pictures")
PLACE = Path("/tmp/niffler-pictures")  # noqa: S108 - shown in the pictures; never taken where it is there already
STUDIES, INSTANCES = 100, 12
PROBLEMS = "MRN-0001,ACC*\nMRN-0002,ACC-NOWHERE\n"
SEEN_AT = 0.5  # of all rows done
PATIENCE_SECONDS = 180.0
COLUMNS, LINES = 80, 24
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 780}
# As rich's own, without the fonts that it would load from elsewhere.
SVG = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font-family: "DejaVu Sans Mono", Menlo, Consolas, monospace; \
font-size: {char_height}px; line-height: {line_height}px; }}
{styles}
</style>
<defs><clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def main() -> int:
    """Write docs/pictures; gives 0, or 1 where a program is missing."""
    missing = [what for program, what in ((TMUX, NO_TMUX), (CHROMIUM, NO_BROWSER)) if program is None]
    if missing:
        sys.stderr.write("".join(f"docs.pictures {what}\n" for what in missing))
        return 1
    os.umask(0o077)
    PLACE.mkdir(mode=0o700)
    try:
        make()
    finally:
        shutil.rmtree(PLACE)
    return 0


def make() -> None:
    """One extraction, looked at midway."""
    os.environ |= {"NIFFLER_RUNTIME": f"{PLACE}/locks", "NIFFLER_REGISTRY": f"{PLACE}/registry"}
    stage = Stage(
        folder=PLACE,
        output=PLACE / "output",
        corpus=write_corpus(PLACE / "archive", studies=STUDIES, instances=INSTANCES),
    )
    write_csv(stage.corpus, PLACE / "list.csv")
    with (PLACE / "list.csv").open("a", encoding="utf-8") as stream:
        stream.write(PROBLEMS)
    with archive(stage), terminal(COLUMNS, LINES, os.environ) as screen, serving(stage) as address:
        cold = subprocess.Popen([program("niffler-cold"), "--config", str(PLACE / "config.json")])
        wait_for_rows(stage, 1)
        screen.type(f"{program('niffler-status')} {stage.storage} --watch")
        wait_for_rows(stage, SEEN_AT * STUDIES)
        draw("watch", screen.tmux("capture-pane", "-p", "-e"))
        look = [program("niffler-status"), str(stage.storage)]
        shown = subprocess.run(look, check=True, capture_output=True, text=True, timeout=PATIENCE_SECONDS)
        draw("status", f"$ niffler-status {stage.storage}\n{shown.stdout}")
        with browser() as chromium:
            photograph(chromium, address, "page", WIDE, "light")
            photograph(chromium, address, "page-phone", PHONE, "dark")
        cold.wait(PATIENCE_SECONDS)


def wait_for_rows(stage: Stage, number: float) -> None:
    """Wait until so many rows are done."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while rows_done(stage) < number:
        if time.monotonic() > deadline:
            raise SystemExit(f"docs.pictures: {number:.0f} rows were not done in time")
        time.sleep(0.2)


def rows_done(stage: Stage) -> int:
    """As niffler-status tells it; none while there is no ledger."""
    command = [program("niffler-status"), str(stage.storage), "--json"]
    answer = subprocess.run(command, check=False, capture_output=True, timeout=PATIENCE_SECONDS)
    return int(json.loads(answer.stdout)["rows"]["done"]) if answer.returncode == 0 else 0


def draw(name: str, screen: str) -> None:
    """A terminal's picture as SVG."""
    text = Text.from_ansi(screen.rstrip("\n"))
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere:
        console = Console(record=True, width=COLUMNS, file=nowhere, force_terminal=True, highlight=False)
        console.print(text)
    picture = console.export_svg(title="", theme=MONOKAI, code_format=SVG, unique_id=name)
    keep(f"{name}.svg", picture.encode())


@contextmanager
def serving(stage: Stage) -> Iterator[str]:
    """The live page of the extraction; gives its address."""
    command = [program("niffler-status"), "--serve", "127.0.0.1:0", str(stage.storage)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def photograph(chromium: "Browser", address: str, name: str, window: dict[str, int], scheme: str) -> None:
    """The page in a window of this size."""
    context = chromium.new_context(
        viewport={"width": window["width"], "height": window["height"]},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(address)
    page.locator("#headline").first.wait_for()
    page.locator("#days .legend").first.wait_for()
    keep(f"{name}.png", page.screenshot())
    context.close()


def keep(name: str, content: bytes) -> None:
    """Write a picture, readable for everybody as the other documents are."""
    PICTURES.mkdir(exist_ok=True)
    PICTURES.chmod(0o755)
    path = PICTURES / name
    path.write_bytes(content)
    path.chmod(0o644)
    print(f"{len(content) / 1000:6.0f} kB {path.relative_to(PICTURES.parents[1])}")


if __name__ == "__main__":
    sys.exit(main())
