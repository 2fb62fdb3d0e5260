"""--watch of one real extraction in a real terminal, from its first row over its death to its end."""

import re

import pytest

from niffler_ops.demo.corpus import Corpus
from tests.support.processes import wait_until
from tests.support.rig import BIN, Rig, corpus_folder
from tests.support.tmux import NO_TMUX, TMUX, Terminal, terminal

pytestmark = pytest.mark.skipif(TMUX is None, reason=NO_TMUX)


def test_the_live_view_follows_an_extraction_through_death_and_end(plain_rig: Rig, some: Corpus) -> None:
    rig = plain_rig
    rig.serve(corpus_folder(some), "slow=300")  # so that it is killed at work
    asked = [(study.patient_id, study.accession_number) for study in some.studies]
    rig.write_csv([*asked, (asked[0][0], "NOTTHERE1")])
    cold = rig.start()
    wait_until(lambda: rig.received() > 0, "the first instance")
    plain = rig.start(rig.storage, "--watch", command="niffler-status", config=False)
    with terminal(80, 24, rig.environment) as seen:
        seen.type(f"clear; stty -g; {BIN}/niffler-status {rig.storage} --watch; echo left with $?; stty -g")
        first = seen.shows(
            "▸ running", "2 of 2 lanes at work", "Newest events", "extraction running", "q leaves"
        )
        wait_until(lambda: instances(seen) > instances_of(first), "a bar that moves")
        seen.shows(" done\n", "line 12 not found")
        wait_until(lambda: "running" in plain.output(), "the line of the view without a terminal")
        cold.kill()
        seen.shows("✗ crashed", "run the same command again")
        narrow(seen)
        rig.start()
        seen.shows("✓ finished", "10 of 11 done", "30 of 30")
        assert not rig.identifiers & set(re.findall(r"\w+", seen.picture()))
        seen.press("q")
        end = seen.shows("left with 0", "finished: 10 of 11 rows done, 1 with problems")
        wait_until(lambda: not seen.is_full_screen(), "the screen as it was")
        modes = re.findall(r"^[0-9a-f:]{20,}$", seen.tmux("capture-pane", "-p", "-J"), re.MULTILINE)
        assert len(modes) == 2, end
        assert modes[0] == modes[1]
    lines = plain.end().out.splitlines()
    assert "running" in lines[0]
    assert "crashed" in lines[-1]
    assert not any("\x1b" in line for line in lines)


def narrow(seen: Terminal) -> None:
    """What matters is still there on a phone's terminal, and nothing runs over its edge."""
    seen.resize(40, 12)
    seen.shows("crashed", "Rows", "q leaves")
    seen.resize(80, 24)
    seen.shows("Newest events", "q leaves")


def instances_of(picture: str) -> int:
    found = re.search(r"^Instances .* (\d+) of 30", picture, re.MULTILINE)
    assert found, picture
    return int(found[1])


def instances(seen: Terminal) -> int:
    return instances_of(seen.picture())
