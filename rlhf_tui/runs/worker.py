"""The worker process: runs one kind's code, and turns however it ends into a status.

Run as `python -m rlhf_tui.runs.worker DIR` by the supervisor. Only what the kind's module
imports makes it heavy.
"""

from __future__ import annotations

import errno
import faulthandler
import importlib
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

from rlhf_tui.errors import RlhfError
from rlhf_tui.runs import layout
from rlhf_tui.runs.checkpoints import step_of
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.supervisor import MEMORY_ADVICE

KINDS: dict[str, str] = {
    "sft": "rlhf_tui.training.sft",
    "rm": "rlhf_tui.training.reward_model",
    "ppo": "rlhf_tui.training.ppo.run",
    "generate": "rlhf_tui.generation.run",
    "score": "rlhf_tui.evaluation.score",
    "evaluate": "rlhf_tui.evaluation.held_out",
    "dpo": "rlhf_tui.training.dpo",
    "kto": "rlhf_tui.training.kto",
    "rloo": "rlhf_tui.training.rloo",
    "grpo": "rlhf_tui.training.grpo",
}
"""Kind → module with `run(context: RunContext) -> None`, imported only when its turn comes."""

FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FULL_DISK_TEXTS = ("No space left", "Disk quota exceeded", "File too large")
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    # Known by name, since torch is not imported here: torch.OutOfMemoryError on a GPU, and the
    # plain RuntimeError of its CPU allocator.
    return type(error).__name__ == "OutOfMemoryError" or "DefaultCPUAllocator" in str(error)


def _is_full_disk(error: BaseException) -> bool:
    # Serializers written in other languages pass the system's words on, not its number.
    return getattr(error, "errno", None) in FULL_DISK or any(
        text in str(error) for text in FULL_DISK_TEXTS
    )


class Outcome:
    """A context manager around the run's code that writes down how it ended; nothing escapes."""

    def __init__(self, context: RunContext) -> None:
        self.context = context
        self.code = 0

    def __enter__(self) -> Outcome:
        self.context.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if error is None or (isinstance(error, SystemExit) and not error.code):
            if self.context.stopped:
                self.context.finish("stopped", f"Stopped as asked{self._kept()}.")
            else:
                self.context.finish("finished", "")
            return True
        self.code, sentence = self._judge(error)
        self.context.finish("failed", sentence)
        # The log may be on the disk that is full.
        with suppress(OSError):
            if not isinstance(error, RlhfError):
                traceback.print_exception(kind, error, trace)
            print(sentence, file=sys.stderr, flush=True)
        return True

    def _judge(self, error: BaseException) -> tuple[int, str]:
        """Exit code and sentence."""
        if isinstance(error, RlhfError):
            return error.exit_code, str(error)
        if _is_out_of_memory(error):
            return layout.OUT_OF_MEMORY_EXIT, f"Memory ran out. {MEMORY_ADVICE}"
        if _is_full_disk(error):
            return 1, f"The disk is full{self._kept()}. Free some space, then resume the run."
        if isinstance(error, KeyboardInterrupt):
            return INTERRUPTED, f"Interrupted{self._kept()}."
        words = str(error).strip().splitlines()
        what = f"{type(error).__name__}: {words[0]}" if words else type(error).__name__
        return 1, f"The run failed with an error that it did not expect ({what}); see its log."

    def _kept(self) -> str:
        latest = self.context.latest_checkpoint()
        return f"; the checkpoint of step {step_of(latest)} is kept" if latest else ""


def main(argv: Sequence[str] | None = None) -> int:
    """Do the run whose directory is the only argument; returns the exit code."""
    named = layout.named_run(argv, "worker")
    if named is None:
        return 2
    directory, arguments = named
    # A crash in native code leaves the Python lines that led to it in the log.
    faulthandler.enable()
    context = RunContext(directory, arguments)
    outcome = Outcome(context)
    with outcome:
        context.progress(0, 0, "Loading", "loading")
        importlib.import_module(KINDS[arguments.kind]).run(context)
    return outcome.code


if __name__ == "__main__":
    sys.exit(main())
