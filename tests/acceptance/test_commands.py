"""What README and Makefile promise: the block to try, the demonstration, and the wheel."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from niffler_ops.demo.corpus import Corpus
from tests.support.processes import ROOT
from tests.support.rig import MARK, Rig, corpus_folder, data_sets, data_sets_of, filed, marked

README = ROOT / "README.md"
TRY = "To try exactly this without a hospital"
EXAMPLE_PORTS = ("11112", "10243")


def block_to_try() -> list[str]:
    """The commands of README that make an archive, serve it, and retrieve it."""
    after = README.read_text().split(TRY, 1)[1].splitlines()
    lines = [line.removeprefix("    ") for line in after if line.startswith("    ")]
    assert lines[0] == "make", "the block begins with the installation"
    return lines[1 : lines.index("kill %1") + 1]


def quick_start() -> str:
    """The commands of docs/quick-start.md, in their order."""
    page = (ROOT / "docs" / "quick-start.md").read_text()
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", page, re.DOTALL | re.MULTILINE))


@pytest.fixture
def copy(plain_rig: Rig) -> Path:
    """What the block needs, in a folder of its own: with other ports, and the environment that is there."""
    copy = plain_rig.folder / "clone"
    for name in ("bin", "conf"):
        shutil.copytree(ROOT / name, copy / name)
    (copy / ".venv").symlink_to(Path(sys.prefix))
    for file in copy.glob("conf/*.json"):
        file.write_text(with_ports(file.read_text(), plain_rig))
    return copy


def with_ports(text: str, rig: Rig) -> str:
    for example, port in zip(EXAMPLE_PORTS, (rig.archive_port, rig.port), strict=True):
        text = text.replace(example, str(port))
    return text


def in_bash(rig: Rig, folder: Path, script: str) -> "subprocess.CompletedProcess[str]":
    """The commands of a page, one after another."""
    return subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=rig.environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_block_to_try_in_readme_does_what_it_says(plain_rig: Rig, copy: Path) -> None:
    script = with_ports("\n".join(block_to_try()), plain_rig)
    assert "niffler-cold --config conf/config.json" in script
    done = in_bash(plain_rig, copy, script)
    assert "Rows: 5 done" in done.stdout, done
    assert "Every row is done." in done.stdout
    assert done.stderr == ""
    assert len(filed(copy / "extraction")) == 50
    assert (copy / "extraction" / ".niffler" / "report.csv").is_file()
    plain_rig.wait_for_no_process()


def test_the_quick_start_goes_as_it_says(plain_rig: Rig, copy: Path) -> None:
    script = with_ports(quick_start(), plain_rig).replace("rm -rf ", ": ", 1)
    done = in_bash(plain_rig, copy, script)
    assert done.returncode == 0, done
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stdout.count("exit status 3\n") == 1, done
    assert done.stdout.count("exit status 75\n") == 1, done
    for told in ("Rows: 5 done", "2 done, 1 not_found, 3 rejected", "Rows: 3 done, 4 withdrawn"):
        assert told in done.stdout, done.stdout
    assert len(filed(copy / "extraction")) == 50
    assert len(filed(copy / "slow")) == 200
    assert len(filed(copy / "wrong")) == 20
    assert (copy / "slow.html").read_text().lower().startswith("<!doctype html>")
    plain_rig.wait_for_no_process()


FENCE = re.compile(r"\s*```(\w*)")
COMMAND = re.compile(r"(\*(?= \*)|[a-z.][\w./+-]*)(?=\+?=?\(| (?! |=)|$)")
ELSEWHERE = {
    "README": {r"make|rm": "what made the environment of these tests, the demonstration below, and its end"},
    "deidentification": {r"contains|coordinates": "no commands but rules: tests/unit/deidentify"},
    "deployment": {
        r"mkdir|cd|install": "tests/unit/test_systemd.py",
        r"git|make|systemd-\w+|systemctl|runuser": "a machine's accounts and services",
        r"python3": "the wheel, below",
        r"podman": "tests/integration/test_container.py",
    },
    "development": {r"make|\.venv": "what runs these tests, and what takes long"},
    "monitoring": {r"\*": "cron"},
    "operations": {r".* --(pause|resume|lanes|stop)\b": "tests/acceptance/test_requests.py"},
    "page": {r"ssh": "two machines"},
    "post-processing": {r"\.venv/bin/dask|.* --executor": "tests/acceptance/test_executor.py"},
    "realtime": {r"storescu": "DCMTK sends in tests/integration/test_embedded_storescp.py"},
    "quick-start": {r"git|cd|make": "the clone in which these tests run"},
}
ONE_AFTER_ANOTHER = ("from-niffler", "operations", "post-processing", "insight", "scaling")
STANDS_FOR = {
    r"\bFOLDER\b|\bINPUT\b": "extraction",
    r"\bOUTPUT\b": "made",
    r"\bPSEUDONYM\b": "$(tail -n 1 extraction/.niffler/linking.csv | cut -d, -f3 | tr -d '\\\\r')",
    r"/data/": "",
    r"meta\.sqlite": "records.sqlite",
    r"(^|\s)(niffler-)": r"\1bin/\2",
}


def commands_of(name: str) -> list[str]:
    """What stands in the blocks of a page and looks like a command, without its comment."""
    page = README if name == "README" else ROOT / "docs" / f"{name}.md"
    language: str | None = None
    found = []
    for line in page.read_text().splitlines():
        fence = FENCE.fullmatch(line)
        if fence:
            language = fence[1] if language is None else None
        elif language in {"", "sh"} or (language is None and line.startswith("    ")):
            found.append(line.partition(" #")[0].strip())
    return [line for line in found if COMMAND.match(line)]


def is_elsewhere(name: str, command: str) -> bool:
    return any(re.match(rf"({pattern})(?!\w)", command) for pattern in ELSEWHERE.get(name, {}))


def of_ours(name: str) -> list[str]:
    """The commands of a page that need nothing but an archive and what the ones before have made."""
    return [
        command
        for command in commands_of(name)
        if re.match(r"(bin/)?niffler-", command) and not is_elsewhere(name, command)
    ]


def adapted(command: str) -> str:
    for pattern, text in STANDS_FOR.items():
        command = re.sub(pattern, text, command)
    return command


def without_the_terminal() -> str:
    """The command of docs/deployment.md that outlives its terminal."""
    (command,) = (command for command in commands_of("deployment") if command.startswith("nohup "))
    return command


def for_the_shell() -> list[str]:
    """The commands of docs/operations.md for a manual page, and for completion in bash and zsh."""
    return [command for command in commands_of("operations") if re.match("man |source |fpath", command)]


def test_each_command_of_a_page_is_run_here_or_its_place_is_named() -> None:
    run = {*block_to_try(), *quick_start().splitlines(), without_the_terminal(), *for_the_shell()}
    run |= {command for name in ONE_AFTER_ANOTHER for command in of_ours(name)}
    pages = {"README": commands_of("README")}
    pages |= {page.stem: commands_of(page.stem) for page in sorted((ROOT / "docs").glob("*.md"))}
    unnoticed = [
        f"{name}.md: {command}"
        for name, commands in pages.items()
        for command in commands
        if command not in run and not is_elsewhere(name, command)
    ]
    assert unnoticed == []
    assert [
        f"{name}: {pattern}"
        for name, places in ELSEWHERE.items()
        for pattern in places
        if not any(re.match(pattern, command) for command in pages[name])
    ] == []


def test_what_other_pages_show_can_be_done(plain_rig: Rig, copy: Path) -> None:
    commands = [adapted(command) for name in ONE_AFTER_ANOTHER for command in of_ours(name)]
    assert len(commands) >= 14, commands
    at = next(number for number, command in enumerate(commands) if "--shard 1/4" in command)
    further = [commands[at].replace("1/4", f"{k}/4").replace("study-1", f"study-{k}") for k in (2, 3, 4)]
    commands[at + 1 : at + 1] = further
    prepared = [*block_to_try()[:2], without_the_terminal(), "wait $!", "cp -r conf old", "cp -r conf study"]
    told = [f"echo '+ {command}'; {command} || echo exit status $?" for command in commands]
    done = in_bash(plain_rig, copy, with_ports("\n".join([*prepared, *told, "kill %1"]), plain_rig))
    assert "exit status" not in done.stdout, done
    assert "Traceback" not in done.stdout + done.stderr
    assert set(done.stderr.splitlines()) <= {"No series on these days."}
    assert "[EXTRACTION COMPLETE]" in (copy / "new-study.out").read_text()


@pytest.mark.parametrize(
    ("program", "package", "script", "told"),
    [
        ("man", "man-db", "MANPAGER=cat {0}", "EXIT STATUS"),
        ("bash", "bash", "{1}; complete -p niffler-cold", "_shtab_niffler_cold niffler-cold"),
        (
            "zsh",
            "zsh",
            "{2}; autoload -Uz compinit; compinit -D -u; print $_comps[niffler-cold]",
            "_niffler-cold",
        ),
    ],
)
def test_manual_pages_and_completions_are_found_where_operations_says(
    program: str, package: str, script: str, told: str
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is missing: apt-get install {package}")
    shell = [program, "-f"] if program == "zsh" else ["bash"]
    done = subprocess.run(
        [*shell, "-c", script.format(*for_the_shell())], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert told in done.stdout, done


def test_the_commands_work_from_any_folder_and_through_a_link(plain_rig: Rig, corpus: Corpus) -> None:
    plain_rig.serve(corpus_folder(corpus), noted=False)
    plain_rig.ask_for(corpus.studies[:1])
    link = plain_rig.folder / "cold"
    link.symlink_to(ROOT / "bin" / "niffler-cold")
    done = subprocess.run(  # config.json is the one in the current folder
        [str(link)],
        cwd=plain_rig.folder,
        env=plain_rig.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done
    assert data_sets(plain_rig.storage) == data_sets_of(corpus.studies[:1])


@pytest.mark.parametrize("command", ["niffler-cold", "niffler-status", "niffler-doctor", "niffler-archive"])
def test_every_command_explains_itself(plain_rig: Rig, command: str) -> None:
    ended = plain_rig.start("--help", command=command, config=False).end()
    assert ended.status == 0, ended
    assert ended.out.startswith(f"usage: {command} ")


def test_the_demonstration_is_killed_midway_loses_nothing_and_cleans_up(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "niffler_ops.demo"],
        cwd=tmp_path,
        env=os.environ
        | {"TMPDIR": str(scratch), MARK: str(tmp_path), "NIFFLER_REGISTRY": str(tmp_path / "registry")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done
    for text in (
        "kill -9",
        "crashed",
        "200 are on disk:",
        "0 lost, 0 changed, 0 fetched twice",
        "'done': 20",
    ):
        assert text in done.stdout, done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    (output,) = scratch.iterdir()
    assert f"Pictures:             {output}/images" in done.stdout
    assert {path.name for path in output.iterdir()} == {
        *("images", "dicom", "metadata.csv", "mapping.csv", "failures.csv", "output.json")
    }
    assert marked(tmp_path) == []
    assert not (tmp_path / "registry").exists(), "`niffler-status` does not list it afterwards"


def test_the_wheel_that_the_source_distribution_makes_works_from_an_environment_of_its_own(
    plain_rig: Rig, corpus: Corpus
) -> None:
    """Without a network: the dependencies are those of the environment that runs the tests."""
    uv = Path(sys.executable).with_name("uv")
    if not uv.exists():
        pytest.skip("uv is missing: pip install uv")
    environment, dist = plain_rig.folder / "environment", plain_rig.folder / "dist"
    python = environment / "bin" / "python"
    site_packages = f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages"

    def call(*command: object) -> str:
        done = subprocess.run(
            [str(part) for part in command],
            cwd=plain_rig.folder,
            env=plain_rig.environment | {"PYTHONPATH": ""},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done
        return done.stdout

    call(
        uv,
        "build",
        "--offline",
        "--no-build-isolation",
        "--python",
        sys.executable,
        "-o",
        dist,
        ROOT,
    )
    call(sys.executable, "-m", "venv", "--without-pip", environment)
    (wheel,) = dist.glob("*.whl")
    call(uv, "pip", "install", "--offline", "--no-deps", "--python", python, wheel)
    # A bare line in a .pth file adds the folder behind the environment's own, and no editable install of it.
    (environment / site_packages / "dependencies.pth").write_text(f"{Path(sys.prefix) / site_packages}\n")

    place = call(python, "-c", "import niffler_ops; print(niffler_ops.__file__)")
    assert place.startswith(str(environment))
    package = environment / site_packages / "niffler_ops"
    assert {"config.json", "system.json", "example.csv"} <= {
        path.name for path in (package / "conf").iterdir()
    }
    shipped = {path.name for path in (environment / "share").rglob("*niffler-cold*")}
    assert shipped == {"niffler-cold.1", "niffler-cold", "_niffler-cold"}
    plain_rig.environment["PYTHONPATH"] = ""
    plain_rig.serve(corpus_folder(corpus), noted=False)
    plain_rig.ask_for(corpus.studies)
    out = call(environment / "bin" / "niffler-cold", "--config", plain_rig.folder / "config.json")
    assert "Rows: 4 done" in out
    assert data_sets(plain_rig.storage) == data_sets_of(corpus.studies)
    assert "finished" in call(environment / "bin" / "niffler-status", plain_rig.storage)
