"""Where post-processing runs: on Dask's distributed scheduler or on Slurm, if not on this machine."""

from niffler_ops.executor.hiring import hiring

__all__ = ["hiring"]
