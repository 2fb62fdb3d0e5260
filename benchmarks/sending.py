"""Sends files over several associations at once, each a process with its share.

DCMTK's dcmsend where it is installed; else `python -m benchmarks.sending PORT FILE…`, which sends as the
embedded archive does.
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from pydicom import dcmread

from benchmarks.running import ENVIRONMENT, PATIENCE
from niffler_ops.embedded.dataset import read_file_head
from niffler_ops.embedded.index import Instance
from niffler_ops.embedded.sending import Originator, Outgoing, Sender
from niffler_ops.model import Peer

RECEIVER_AET, SENDER_AET, HOST = "BENCH", "SENDER", "127.0.0.1"


def send(paths: Sequence[Path], port: int, associations: int) -> None:
    """Send each file once."""
    shares = [paths[number::associations] for number in range(associations)]
    processes = [subprocess.Popen(_command(share, port), env=ENVIRONMENT) for share in shares]
    try:
        statuses = [process.wait(PATIENCE) for process in processes]
    finally:
        for process in processes:
            process.kill()
    if any(statuses):
        raise RuntimeError(f"a sender failed: exit statuses {statuses}")


def _command(paths: Sequence[Path], port: int) -> list[str]:
    files = [str(path) for path in paths]
    dcmsend = shutil.which("dcmsend")
    if dcmsend is not None:
        return [dcmsend, "--quiet", "--call", RECEIVER_AET, HOST, str(port), *files]
    return [sys.executable, "-m", "benchmarks.sending", str(port), *files]


def main() -> int:
    """Send over one association; 1 where an instance was not taken."""
    port, *files = sys.argv[1:]
    instances = [_instance(Path(file)) for file in files]
    receiver = Peer(aet=RECEIVER_AET, host=HOST, port=int(port))
    with closing(Sender(receiver, SENDER_AET, instances)) as sender:
        return int(any(_send(sender, instance) for instance in instances))


def _instance(path: Path) -> Instance:
    with path.open("rb") as stream:
        head = read_file_head(stream)
    if head is None:
        raise ValueError(f"{path} has no file meta information")
    identity = dcmread(path, stop_before_pixels=True)
    return Instance(
        path=path,
        study=identity.StudyInstanceUID,
        series=identity.SeriesInstanceUID,
        sop_instance=identity.SOPInstanceUID,
        sop_class=identity.SOPClassUID,
        transfer_syntax=head.transfer_syntax,
        offset=head.offset,
        header=b"",
    )


def _send(sender: Sender, instance: Instance) -> int:
    with instance.path.open("rb") as data:
        data.seek(instance.offset)
        outgoing = Outgoing(
            sop_class=instance.sop_class,
            sop_instance=instance.sop_instance,
            transfer_syntax=instance.transfer_syntax,
            data=data,
        )
        return sender.send(outgoing, Originator(aet=SENDER_AET, message_id=1))


if __name__ == "__main__":
    sys.exit(main())
