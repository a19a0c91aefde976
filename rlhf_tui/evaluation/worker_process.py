"""A short computation in a process of its own, which may import what its caller must not.

The hub answers people at their keys, so statistics that take seconds, pandas or scipy run beside
it: `python -m MODULE ARGUMENTS`, yielding to everything else on the machine. Files carry the data
in and out. A module made for it ends with `sys.exit(told(main))`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence

from rlhf_tui.errors import HubError, InputError, RlhfError
from rlhf_tui.runs.ranks import die_with_parent

NICE = 10
LIMIT_S = 600.0
"""For what answers a person: who waits longer has given up."""
REFUSED = InputError.exit_code
ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
}
"""Linear algebra on these small matrices is slower in many threads, and takes others' cores."""


def compute(module: str, arguments: Sequence[str], *, what: str, limit_s: float = LIMIT_S) -> str:
    """Run a module to its end; what it printed.

    Args:
        what: names the computation in an error, as in 'The reliability of annotators'.

    Raises:
        InputError: the module refused its data; its own sentence.
        HubError: it took too long, was killed, or failed.
    """
    started = time.monotonic()
    try:
        # -P: a pandas.py in the working directory is not meant.
        done = subprocess.run(
            [sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=limit_s,
            env=ONE_THREAD | os.environ,
        )
    except subprocess.TimeoutExpired as error:
        raise HubError(
            f"{what} was not computed within {time.monotonic() - started:.0f} s.",
            hint="Try it on fewer judgements.",
        ) from error
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.strip().splitlines()
    last = said[-1] if said else "it gave no reason"
    if done.returncode == REFUSED:
        raise InputError(last)
    if done.returncode < 0:
        raise HubError(
            f"{what} was not computed: its process was ended by signal {-done.returncode}.",
            hint="Signal 9 often means that memory ran out." if done.returncode == -9 else "",
        )
    raise HubError(f"{what} was not computed: {last}")


def told(main: Callable[[Sequence[str]], None]) -> int:
    """Run a module's `main` in its process: niced, expected errors as the last line of stderr.

    It ends with whoever waits for it: a hub that is killed must not leave hours of work behind.

    Returns:
        The exit code; unexpected errors leave as themselves.
    """
    die_with_parent(os.getppid())
    os.nice(NICE)
    try:
        main(sys.argv[1:])
    except RlhfError as error:
        print(error, file=sys.stderr)
        return REFUSED
    return 0
