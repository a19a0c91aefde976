"""The worker process: runs one kind's code, and turns however it ends into a status.

Run as `python -m rlhf_tui.runs.worker DIR` by the supervisor. Only what the kind's module
imports makes it heavy.
"""

from __future__ import annotations

import errno
import faulthandler
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from types import TracebackType

from rlhf_tui.errors import RlhfError
from rlhf_tui.runs import batching, layout
from rlhf_tui.runs.checkpoints import step_of
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.ranks import die_with_parent, failed_now, note_failure

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

REPORTING = "rlhf_tui.training.reporting"
"""Has `attach(context)`, for runs whose figures go to a service as well."""

FULL_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
FULL_DISK_TEXTS = ("No space left", "Disk quota exceeded", "File too large")
FULL_MEMORY_TEXTS = ("DefaultCPUAllocator", "could not create a primitive")
UNSUPPORTED = "could not create a primitive descriptor"
"""oneDNN says so of an operation that it does not have, which is no matter of memory."""
LOST_PEER_TEXTS = (
    "Connection closed by peer",
    "Connection reset by peer",
    "Broken pipe",
    "remote process exited",
    "Socket closed",
)
"""What gloo and NCCL say when the process at the other end is gone."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


def _is_out_of_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    # Known by name, since torch is not imported here: torch.OutOfMemoryError on a GPU, and the
    # plain RuntimeErrors of its CPU allocator and of oneDNN.
    words = str(error).replace(UNSUPPORTED, "")
    return type(error).__name__ == "OutOfMemoryError" or any(
        text in words for text in FULL_MEMORY_TEXTS
    )


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
        if self.context.place.launched:
            lost = any(text in str(error) for text in LOST_PEER_TEXTS)
            failure = failed_now(self.context.place, self.code, sentence, lost_peer=lost)
            note_failure(self.context.directory, failure)
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
            arguments = self.context.arguments.arguments
            batch = (
                f" with batch_size {arguments['batch_size']}" if "batch_size" in arguments else ""
            )
            advice = batching.advice(arguments)
            return layout.OUT_OF_MEMORY_EXIT, f"Memory ran out{batch}. {advice}"
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
    launcher = os.getppid()
    named = layout.named_run(argv, "worker")
    if named is None:
        return 2
    directory, arguments = named
    # A crash in native code leaves the Python lines that led to it in the log.
    faulthandler.enable()
    context = RunContext(directory, arguments)
    if context.place.launched:
        die_with_parent(launcher)
    if not context.is_main:
        _be_quiet()
    outcome = Outcome(context)
    with outcome:
        context.progress(0, 0, "loading the libraries", "loading")
        if context.arguments.arguments.get("report_to"):
            importlib.import_module(REPORTING).attach(context)
        importlib.import_module(KINDS[arguments.kind]).run(context)
        _part()
    if outcome.code and context.place.launched:
        # An orderly end would wait for exchanges that the other processes never take part in.
        sys.stdout.flush()
        os._exit(outcome.code)
    return outcome.code


def _be_quiet() -> None:
    """Leave what is printed to the main process: each would print the same. Errors stay."""
    with open(os.devnull, "wb") as nothing:  # noqa: PTH123
        os.dup2(nothing.fileno(), 1)


def _part() -> None:
    """Let go of the other processes, if this one ever met them: torch complains otherwise."""
    torch = sys.modules.get("torch")
    if (
        torch is not None
        and torch.distributed.is_available()
        and torch.distributed.is_initialized()
    ):
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    sys.exit(main())
