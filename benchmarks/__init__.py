"""Our figures beside a reference that runs in the same breath: `python -m benchmarks`."""
