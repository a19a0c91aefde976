"""Kinds of runs for the tests: what a worker may do, by the argument `deed`."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from rlhf_tui.errors import InputError
from rlhf_tui.records import Completion, Score
from rlhf_tui.runs.checkpoints import step_of
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.layout import SampleRow


def finish(context: RunContext) -> None:
    for step in (1, 2, 3):
        context.progress(step, 3, f"Step {step} of 3")
        context.log_metrics(step, {"loss": 1 / step, "reward": float("nan")}, split="train")
    context.sample(SampleRow(3, "a", "b", reward=float("inf")))
    context.append_completions([Completion("c-1", "p-1", "text")])
    context.append_scores([Score("c-1", "score-0001", "rm", 0.5)])
    context.model_dir.mkdir(exist_ok=True)
    print("printed by the worker")


def train(context: RunContext) -> None:
    """Steps until asked to stop; goes on from its latest checkpoint."""
    latest = context.latest_checkpoint()
    step = step_of(latest) if latest else 0
    while not context.should_stop():
        step += 1
        context.log_metrics(step, {"loss": 1 / step})
        context.progress(step, 0)
        if step % 5 == 0:
            save(context, step)
        time.sleep(0.01)
    save(context, step)


def save(context: RunContext, step: int, size: int = 100) -> None:
    with context.checkpoint_dir(step) as folder:
        (folder / "weights").write_bytes(b"w" * size)


def wait_for_signal(context: RunContext) -> None:
    """Reached its code, but never asks whether it should stop."""
    context.progress(1, 2, "waiting")
    signal.pause()


def deaf(context: RunContext) -> None:
    """Asked to stop, it goes on as before: only a kill ends it."""
    context.progress(1, 2, "waiting")
    while True:
        signal.pause()


def before_listening(context: RunContext) -> None:
    """As if SIGTERM came while Python was still importing."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    wait_for_signal(context)


def refuse(context: RunContext) -> None:
    raise InputError("The data set has no rows.", hint="Label some pairs first.")


def crash(context: RunContext) -> None:
    raise ValueError("shapes differ\nby a lot")


def memory(context: RunContext) -> None:
    raise MemoryError


def device_memory(context: RunContext) -> None:
    class OutOfMemoryError(RuntimeError):
        """Named as torch names its own."""

    raise OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")


def onednn_memory(context: RunContext) -> None:
    raise RuntimeError("could not create a primitive")


def leave(context: RunContext) -> None:
    sys.exit(3)


def native_crash(context: RunContext) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def full_disk(context: RunContext) -> None:
    save(context, 1)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    save(context, 2, size=200_000)


def no_space_left(context: RunContext) -> None:
    """Something else takes the last block of the disk that the run is on."""
    save(context, 1)
    ballast = context.directory.parent / "ballast"
    with suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    while True:
        context.log_metrics(2, {"loss": 0.5})


def memory_for_two(context: RunContext) -> None:
    """Memory is enough for two rows a pass; says what it was started with, and what after that.

    Of several processes only the last one runs out, as the longest rows may be its own.
    """
    batch = context.arguments.arguments["batch_size"]
    if batch > 2 and context.rank == context.world - 1:
        if context.arguments.arguments.get("by_kernel"):
            (context.directory / "killed-for-memory").open("a").write("once\n")
            os.kill(os.getpid(), signal.SIGKILL)
        raise MemoryError
    latest = context.latest_checkpoint()
    step = step_of(latest) if latest else 0
    save(context, step + 1)
    context.log_metrics(step + 1, {"batch_size": batch})
    if batch > 1 and context.arguments.arguments.get("never_enough"):
        raise MemoryError


def each(context: RunContext) -> None:
    """Whatever a run may write, from each process; each leaves a file with its place."""
    (context.directory / f"rank-{context.rank}-of-{context.world}").touch()
    finish(context)
    save(context, 1)


def together(context: RunContext) -> None:
    """Goes on in all processes until the main one hears of a stop, and tells the others."""
    (context.directory / f"pid-{context.rank}").write_text(str(os.getpid()))
    end = context.directory / "the-end"
    while not end.exists():
        if context.is_main:
            context.progress(1, 2, "waiting")
            if context.should_stop():
                end.touch()
        time.sleep(0.01)
    save(context, 1)


def environment(context: RunContext) -> None:
    shown = {"THREADS": "OMP_NUM_THREADS", "HOME_OF_HF": "HF_HOME", "SECRET": "HF_TOKEN"}
    lines = [f"{name}={os.environ.get(value)}" for name, value in shown.items()]
    lines += [f"CWD={Path.cwd()}", f"SESSION={os.getsid(0) == os.getpid()}"]
    lines += [f"STDIN={sys.stdin.read()!r}"]
    (context.directory / "seen.txt").write_text("\n".join(lines))


def with_child(context: RunContext) -> None:
    """Has a child of its own, as data loaders are."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (context.directory / "child.pid").write_text(str(child.pid))
    wait_for_signal(context)


def run(context: RunContext) -> None:
    globals()[context.arguments.arguments["deed"]](context)
