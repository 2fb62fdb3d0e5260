"""The site's own post-processor: a command for each study, described in JSON on its standard input."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sh

from niffler_ops.postprocess.job import Job, Outcome, Verdict
from niffler_ops.processes.launcher import SIGNAL_CODES
from niffler_ops.processes.parents import die_with

AGAIN_LATER = 75  # EX_TEMPFAIL of sysexits.h


def run_command(job: Job) -> Outcome:
    """Run it to its end. What it prints goes nowhere, for it may name patients; its exit status decides."""
    program, *arguments = job.settings.command
    try:
        command = sh.Command(program)
    except sh.CommandNotFound:
        return Outcome(verdict=Verdict.FAILED, reason=f"Command: {program} is not there, or may not be run")
    try:
        with Path(os.devnull).open("wb") as nowhere, _none_outlives_us():
            ended = command(  # type: ignore[call-overload]  # whose _ok_code may be a range
                *arguments,
                _in=json.dumps(_description(job)),
                _out=nowhere,
                _err=nowhere,
                _tty_out=False,
                _ok_code=SIGNAL_CODES,
                _preexec_fn=die_with(os.getpid()),
                _return_cmd=True,
            )
    except sh.ForkException:
        return Outcome(verdict=Verdict.FAILED, reason=f"Command: {program} cannot be run; has it a #! line?")
    code = int(ended.exit_code)
    if code == 0:
        return Outcome(verdict=Verdict.DONE, files=len(job.files))
    if code == AGAIN_LATER:
        return Outcome(verdict=Verdict.LATER, reason=f"Command: {program} asks to be run again later")
    how = f"was ended by signal {-code}" if code < 0 else f"ended with exit status {code}"
    return Outcome(verdict=Verdict.FAILED, reason=f"Command: {program} {how}")


@contextmanager
def _none_outlives_us() -> Iterator[None]:
    """While this lasts, our end is that of our process group: of what the command has started, too.

    The kernel ends only the command itself with us. A shell in a session of its own waits for a line on a
    pipe, which is cut off when we die, however we do.
    """
    if os.getpgrp() != os.getpid():  # it would be the end of others
        yield
        return
    reader, writer = os.pipe()
    watch = 'read -r line || kill -s KILL -- "-$0"'
    options: dict[str, Any] = {"_bg": True, "_bg_exc": False, "_new_session": True, "_tty_out": False}
    options |= {"_in": reader, "_out": os.devnull, "_err": os.devnull}
    sh.Command("/bin/sh")("-c", watch, os.getpid(), **options)
    os.close(reader)
    try:
        yield
        os.write(writer, b"\n")
    except sh.ForkException:  # nothing runs that could outlive us
        os.write(writer, b"\n")
        raise
    finally:
        os.close(writer)


def _description(job: Job) -> dict[str, object]:
    """What the command is told: the study's folder if it has one to itself, and its files."""
    folder = os.path.commonpath([str(Path(file).parent) for file in job.files]) if job.files else ""
    return {
        "study": job.name,
        "folder": folder,
        "files": list(job.files),
        "storage_folder": job.settings.root,
        "output_folder": job.settings.output,
    }
