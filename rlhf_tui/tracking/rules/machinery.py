"""Rules about the machine and the process: lost, ended, out of memory, disk, idle GPUs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

from rlhf_tui.runs.layout import LOST_AFTER_S, MachineRow
from rlhf_tui.tracking.rules.finding import ANY, TRAINERS, Alarm, Rule
from rlhf_tui.tracking.rules.losses import DIVERGED
from rlhf_tui.tracking.rules.view import View
from rlhf_tui.tracking.rules.walking import mean
from rlhf_tui.tracking.rules.words import share

GB = 1e9
DISK_LOW = 5 * GB
DISK_SHARE = 0.05
"""Free bytes: below both it is low. A checkpoint of a model of a billion parameters with its
optimizer takes 12 GB, so that the next one may fail."""
DISK_OUT = 1 * GB
DISK_OUT_SHARE = 0.2
"""Below both it is all but out; a small disk that is mostly free is not."""

RAM_SHARE = 0.95
RAM_BACK = 0.9
"""Of the machine's memory taken: beyond it the system swaps or kills."""
RAM_ROWS = 3

IDLE = 0.3
IDLE_S = 300.0
IDLE_ROWS = 20
"""Mean use of all GPUs over so long, and of so many looks: loading a model takes less."""


def _gb(size: float) -> str:
    return f"{size / GB:,.1f} GB"


def _recent(rows: Sequence[MachineRow], seconds: float) -> list[MachineRow]:
    """The newest rows of a time, at most a few hundred."""
    newest = list(rows)[-400:] if len(rows) <= 400 else [rows[i] for i in range(-400, 0)]
    end = newest[-1].time if newest else 0.0
    return [row for row in newest if end - seconds <= row.time <= end]


def _lost(view: View) -> Alarm | None:
    silent = view.state.silent_s
    if not silent:
        return None
    step = view.state.step
    return Alarm(
        "critical", step,
        f"Nothing was heard of the run for {silent / 60:,.0f} min; its last step was {step:,}."
        if silent >= 90 else f"Nothing was heard of the run for {silent:,.0f} s; its last step was "
        f"{step:,}.",
    )  # fmt: skip


def _memory(view: View) -> Alarm | None:
    ended = view.state.exit
    if ended is None or not ended.out_of_memory:
        return None
    how = "the system ended the worker" if ended.signal else "the worker could get no more"
    sentence = f"Memory ran out after step {view.state.step:,}: {how}."
    return Alarm("critical", view.state.step, sentence)


def _failed(view: View) -> Alarm | None:
    state = view.state
    ended = state.exit
    if state.state != "failed" or DIVERGED in state.message:
        return None
    if ended is not None and ended.out_of_memory:
        return None
    if ended is None:
        how = "nobody could say how"
    elif ended.signal is not None:
        how = f"by signal {ended.signal}"
    else:
        how = f"with code {ended.code}"
    of = f" of {state.total_steps:,}" if state.total_steps else ""
    return Alarm("critical", state.step, f"It ended at step {state.step:,}{of}, {how}.")


def _ram(view: View) -> Alarm | None:
    if view.state.over:
        return None
    rows = _recent(view.machine, 120.0)[-2 * RAM_ROWS :]
    shares = [row.ram / row.ram_total for row in rows if 0 <= row.ram <= row.ram_total > 0]
    if len(shares) < RAM_ROWS or min(shares[-RAM_ROWS:]) < RAM_SHARE:
        return None
    row = rows[-1]
    own = f", {_gb(row.run_ram)} of it by this run" if row.run_ram else ""
    sentence = f"{share(shares[-1])} of {_gb(row.ram_total)} memory are taken{own}."
    return Alarm("warning", view.last_step, sentence)


def _disk(view: View) -> Alarm | None:
    if view.state.over or not view.machine:
        return None
    row = view.machine[-1]
    if row.disk_total <= 0:
        return None
    low = row.disk_free < DISK_LOW and row.disk_free < DISK_SHARE * row.disk_total
    out = row.disk_free < DISK_OUT and row.disk_free < DISK_OUT_SHARE * row.disk_total
    if not (low or out):
        return None
    sentence = f"{_gb(row.disk_free)} of {_gb(row.disk_total)} are free where the run writes."
    return Alarm("critical" if out else "warning", view.last_step, sentence)


def _is_share(use: float | None) -> TypeGuard[float]:
    return use is not None and 0 <= use <= 100


def _idle(view: View) -> Alarm | None:
    if view.state.over:
        return None
    rows = [row for row in _recent(view.machine, IDLE_S) if row.gpus]
    uses = [use / 100 for row in rows for gpu in row.gpus if _is_share(use := gpu.use)]
    if len(rows) < IDLE_ROWS or not uses or rows[-1].time - rows[0].time < 0.8 * IDLE_S:
        return None
    busy = mean(uses)
    if busy >= IDLE:
        return None
    gpus = len(rows[-1].gpus)
    many = f"The {gpus} GPUs were" if gpus > 1 else "The GPU was"
    sentence = f"{many} busy for {share(busy)} of the last {IDLE_S / 60:.0f} minutes."
    return Alarm("note", view.last_step, sentence)


RULES = (
    Rule(
        "heartbeat-lost",
        "The run gives no sign of life",
        ANY,
        f"Its last heartbeat is older than {LOST_AFTER_S:.0f} s; a worker beats every 5 s.",
        "The worker hangs, or its machine does: a network drive that does not answer, a GPU that "
        "does not come back, a machine that swaps.",
        (
            "look at the log's end and at the machine",
            "stop the run; it goes on from its checkpoint with resume",
        ),
        _lost,
    ),
    Rule(
        "out-of-memory",
        "Memory ran out",
        ANY,
        "The run ended because the device or the machine had no more memory.",
        "What a step needs grows with the rows at a time, their length, and what is trained.",
        (
            "auto_batch = true: goes on with half the batch_size by itself",
            "a smaller batch_size, with more gradient_accumulation",
            "a smaller max_length or response_length",
            "gradient_checkpointing = true, tune = 'lora', precision = 'bf16', "
            "quantization = '4bit'",
        ),
        _memory,
    ),
    Rule(
        "run-failed",
        "The run has failed",
        ANY,
        "The run ended in any other way than by finishing or by being stopped.",
        "An error ended it, or somebody or the system ended its processes. Its sentence stands "
        "above the panes, the whole story in the log.",
        (
            "read the end of the log",
            "resume: it goes on from its last checkpoint, if save_steps left one",
        ),
        _failed,
    ),
    Rule(
        "memory-nearly-full",
        "The machine's memory is nearly full",
        ANY,
        f"More than {RAM_SHARE:.0%} of the machine's memory, or of what a container or a job "
        f"leaves of it, is taken in {RAM_ROWS} looks in a row of a run that is going on.",
        "Soon the system swaps, and everything waits, or it ends the largest process.",
        (
            "end what else runs on the machine",
            "a smaller batch_size or max_length; tune = 'lora'",
        ),
        _ram,
    ),
    Rule(
        "disk-nearly-full",
        "The disk is nearly full",
        ANY,
        f"Less than {_gb(DISK_LOW)} and less than {DISK_SHARE:.0%} of the disk that a running run "
        f"writes to is free; critical below {_gb(DISK_OUT)} and {DISK_OUT_SHARE:.0%}.",
        "The next checkpoint may not fit. A run that cannot write ends; what it has saved stays.",
        (
            "free some space: old runs' models and checkpoints (runs delete)",
            "a smaller keep_checkpoints, a larger save_steps",
        ),
        _disk,
    ),
    Rule(
        "gpu-idle",
        "The GPU waits",
        TRAINERS,
        f"Over the last {IDLE_S / 60:.0f} minutes the GPUs of a running run were busy for less "
        f"than {IDLE:.0%} of the time in the mean.",
        "The GPU waits for something else: rows that come too slowly, batches too small to fill "
        "it, a reward function on the CPU, or generation of a few responses at a time.",
        (
            "a larger batch_size or rollout_batch_size",
            "look at the time per phase: what is not training?",
            "a faster reward function, or one that answers a batch at once",
        ),
        _idle,
    ),
)
