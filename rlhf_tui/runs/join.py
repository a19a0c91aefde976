"""A further machine of a run: starts this machine's share of the workers, and ends with them.

Run as `python -m rlhf_tui.runs.join DIR MACHINE` on each machine but the first, where the run's
own supervisor is machine 0. All see the run directory under the same path; the run's Accelerate
config names num_machines and where machine 0 is found.
"""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from rlhf_tui.errors import RlhfError, UsageError
from rlhf_tui.runs import accelerating, batching, layout
from rlhf_tui.runs.environment import worker_environment
from rlhf_tui.runs.launch import processes
from rlhf_tui.runs.layout import RunArguments
from rlhf_tui.runs.process import adopt_orphans, kill_descendants
from rlhf_tui.runs.supervisor import WORKER_COMMAND

POLL_S = 1.0
"""Between two looks for the start of machine 0; network file systems take about as long."""


def main(argv: Sequence[str] | None = None, worker: Sequence[str] = WORKER_COMMAND) -> int:
    """Take part in a run until its end here; returns the launcher's exit code.

    Waits for machine 0 to start; goes on waiting where the run is started again with smaller
    batches; ends once the run has ended.

    Args:
        worker: command that the run directory is appended to.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    if len(argv) != 2 or not argv[1].isdecimal():
        print("Usage: python -m rlhf_tui.runs.join RUN_DIRECTORY MACHINE", file=sys.stderr)
        return 2
    named = layout.named_run(argv[:1], "join")
    if named is None:
        return 2
    directory, arguments = named
    try:
        _check(arguments, int(argv[1]))
        return _take_part(directory, arguments, int(argv[1]), worker)
    except RlhfError as error:
        print(error, file=sys.stderr)
        return error.exit_code


def _check(arguments: RunArguments, machine: int) -> None:
    """Refuse what machine 0 would wait for in vain.

    Raises:
        UsageError: the run is not one of that many machines.
    """
    if not accelerating.is_launched(arguments.arguments):
        raise UsageError(
            f"{arguments.run_id} is a run of one process.", hint="Launch it with --accelerate FILE."
        )
    config = accelerating.read_config(str(arguments.arguments["accelerate"]))
    machines = int(config.get("num_machines") or 1)
    if not 0 < machine < machines:
        raise UsageError(
            f"Machine {machine} does not take part: the config says num_machines: {machines}, of "
            "which the run's own machine is 0.",
            hint=f"Name one of 1 to {machines - 1}." if machines > 1 else "Set num_machines.",
        )


def _take_part(
    directory: Path, arguments: RunArguments, machine: int, worker: Sequence[str]
) -> int:
    adopt_orphans()
    returned, seen = 0, 0
    while True:
        launcher = _next_start(directory, seen)
        if launcher == 0:
            return returned
        seen = launcher
        chosen = batching.adjusted_arguments(directory, arguments.arguments)
        environment = worker_environment(os.environ, arguments)
        accelerating.adapt_environment(environment, chosen, "")
        started = subprocess.Popen(
            accelerating.command(chosen, [*worker, str(directory)], machine),
            stdin=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )
        # A job that is cancelled ends its share; what the run makes of that is machine 0's word.
        signal.signal(signal.SIGTERM, functools.partial(_end, started))
        returned = started.wait()
        kill_descendants()


def _end(started: subprocess.Popen[bytes], _signal: int, _frame: FrameType | None) -> None:
    started.kill()


def _next_start(directory: Path, seen: int) -> int:
    """The process number of machine 0's next launcher; 0 once the run has ended."""
    while True:
        if (directory / layout.EXIT).exists():
            return 0
        _, worker = processes(directory)
        if worker is not None and worker.pid != seen:
            return worker.pid
        time.sleep(POLL_S)


if __name__ == "__main__":
    sys.exit(main())
