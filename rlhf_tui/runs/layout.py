"""The run directory: which files it holds, who writes them, and their typed contents.

runs/<run_id>/
    args.json          RunArguments, written once by the hub at launch
    dataset/           train.parquet, validation.parquet, manifest.json (immutable snapshot)
    status.json        RunStatus, replaced atomically by the worker (heartbeat)
    supervisor.json    ProcessMark of the supervisor
    worker.json        ProcessMark of the worker, written by the supervisor once it is started
    stop.json          StopRequest, written by whoever asked the run to stop
    exit.json          RunExit, written once by the supervisor as its last act
    .reserve           some blocks to give up, so that a full disk still holds the last words
    metrics.jsonl      one flat object a logged step: step, time, then metric names; a value that
                       is not finite is null, and `not_finite` maps its name to nan, inf or -inf.
                       After a resume steps can come twice: the later line counts
    endpoint.json      what the model of --eval-endpoint was worth, asked once
    samples.jsonl      SampleRow lines: completions of fixed evaluation prompts
    distributions.jsonl  DistributionRow lines: histograms of what a step's rows or tokens had
    machine.jsonl      MachineRow lines, written by the supervisor while the run is alive
    completions.jsonl  generate runs: records.Completion lines, tailed by the hub into the store
    scores.jsonl       score runs: records.Score lines, likewise
    learning_curve.json  rm runs with --learning-curve: report.LearningCurve, once it is whole
    curve/             its shares that are done, for a resume
    evaluation.json    evaluation.model_report.Evaluation: figures on held-out rows, made at the end
    adjusted.json      Adjusted: arguments changed since the launch, after memory ran out
    failures/          rank-1.json …: ranks.RankFailure of a process among several that failed
    log.txt            everything the worker printed
    checkpoints/       step-000120/ …, written aside, then renamed; a reward model's hold its
                       rendering.json, too
    model/             the finished model (save_pretrained), with tokenizer and rendering.json
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from rlhf_tui.errors import InputError
from rlhf_tui.runs.tail import open_plain

RunKind = Literal["generate", "score", "evaluate", "sft", "rm", "ppo", "dpo", "kto", "rloo", "grpo"]
Phase = Literal["starting", "loading", "running", "saving", "finished", "stopped", "failed"]
"""What the worker says of itself."""
State = Literal["queued", "running", "stopping", "finished", "stopped", "failed"]
"""What the hub says of the run."""

ARGS = "args.json"
STATUS = "status.json"
SUPERVISOR = "supervisor.json"
WORKER = "worker.json"
STOP = "stop.json"
EXIT = "exit.json"
RESERVE = ".reserve"
RESERVE_BYTES = 64 * 1024
"""Enough for the last status, exit.json and a traceback."""
METRICS = "metrics.jsonl"
SAMPLES = "samples.jsonl"
DISTRIBUTIONS = "distributions.jsonl"
MACHINE = "machine.jsonl"
COMPLETIONS = "completions.jsonl"
SCORES = "scores.jsonl"
LEARNING_CURVE = "learning_curve.json"
EVALUATION = "evaluation.json"
ADJUSTED = "adjusted.json"
SHARES = "curve"
FAILURES = "failures"
LOG = "log.txt"
DATASET = "dataset"
CHECKPOINTS = "checkpoints"
MODEL = "model"

HEARTBEAT_S = 5.0
"""A worker that is alive rewrites status.json at least this often, from a thread of its own."""
OUT_OF_MEMORY_EXIT = 12
"""The worker's exit code when it caught that memory ran out (ENOMEM's number)."""
LOST_AFTER_S = 60.0
"""Older heartbeats mean a worker that hangs or has died: twelve missed ones, so that a machine
that swaps for half a minute raises no alarm."""

T = TypeVar("T", bound=msgspec.Struct)


class RunArguments(msgspec.Struct):
    """Everything that a worker needs, and that a reader needs to repeat the run."""

    run_id: str
    kind: RunKind
    arguments: dict[str, Any]
    """The fields of the kind's config struct (rlhf_tui.config), all of them, defaults included.
    Model references are resolved to paths or hub ids by then."""
    title: str = ""
    recipe: str = ""
    """Whose options lay under the others; empty: none."""
    created_ms: int = 0
    workspace: str = ""
    cwd: str = ""
    """Where the command was given; relative paths in arguments are resolved already."""
    environment: dict[str, str] = {}
    """Allow-listed variables (CUDA_VISIBLE_DEVICES, HF_HOME …); never secrets."""
    keys: list[str] = []
    """Names of the keys that the launch handed over; what they say is written nowhere."""
    versions: dict[str, str] = {}
    device: str = "cpu"
    lineage: dict[str, str] = {}
    """role → run id: which runs made the models that this one starts from."""


class ProcessMark(msgspec.Struct):
    """A process that can be told from another that got its number later."""

    pid: int
    started: float
    """psutil's create_time(), seconds since 1970."""
    host: str
    boot_id: str
    ticks: int = 0
    """Clock ticks from boot to start (Linux), which no setting of the clock moves; 0 elsewhere."""


class StopRequest(msgspec.Struct):
    asked: float
    """Seconds since 1970."""
    force: bool = False
    """True: killed at once, without a checkpoint."""


class Adjusted(msgspec.Struct):
    """What a run was changed to by itself; holds for every worker that is started from then on."""

    arguments: dict[str, Any]
    """Over those of args.json."""
    reason: str
    """A sentence for people."""


class RunStatus(msgspec.Struct):
    phase: Phase
    process: ProcessMark
    updated: float
    """Seconds since 1970; the heartbeat."""
    step: int = 0
    total_steps: int = 0
    """0 while not known yet."""
    message: str = ""
    """A sentence for people: what is going on, or what went wrong."""
    metrics: dict[str, float] = {}
    """The latest logged finite metrics; in phase `finished` the final ones."""
    running_since: float = 0.0
    """When the phase `running` began, seconds since 1970; 0: not yet."""
    first_step: int = 0
    """Steps that were done by then, by an earlier start say."""


class RunExit(msgspec.Struct):
    """How the worker ended, as its parent saw it."""

    code: int | None
    signal: int | None
    out_of_memory: bool
    ended: float
    message: str = ""
    """A sentence for people, empty after success."""


class SampleRow(msgspec.Struct, omit_defaults=True):
    step: int
    prompt: Any
    completion: Any
    reward: float | None = None
    kl: float | None = None
    by: str = ""
    """Another model that wrote the completion; empty: the policy. `REFERENCE` for the model that
    training started from, or that the KL is measured to."""


REFERENCE = "reference"


class DistributionRow(msgspec.Struct, omit_defaults=True):
    """A histogram: how often values fell into bins of equal width."""

    step: int
    name: str
    """What is counted: reward, response_length, token_kl …"""
    low: float
    high: float
    """Edges of the first and the last bin; equal when all values are the same."""
    counts: list[int]
    unit: str = ""


class GpuRow(msgspec.Struct, omit_defaults=True):
    """One GPU at a moment, as NVML tells; None where it tells nothing."""

    index: int
    name: str = ""
    use: float | None = None
    """Per cent of the time in which a kernel ran."""
    memory: float | None = None
    memory_total: float | None = None
    """Bytes."""
    temperature: float | None = None
    """Degrees Celsius."""
    power: float | None = None
    power_limit: float | None = None
    """Watts."""


class MachineRow(msgspec.Struct, omit_defaults=True):
    """The machine, and the run's part of it, at a moment."""

    time: float
    """Seconds since 1970."""
    cpu: float
    """Per cent of all cores together."""
    ram: float
    ram_total: float
    """Bytes that are taken, and that there are."""
    run_cpu: float = 0.0
    """Per cent of one core that the run's processes take together."""
    run_ram: float = 0.0
    """Bytes that the run's processes hold."""
    disk_free: float = 0.0
    disk_total: float = 0.0
    """Bytes of the file system that the run directory lies on."""
    read: float = 0.0
    written: float = 0.0
    """Bytes a second that the run's processes read and wrote."""
    gpus: list[GpuRow] = []


def write_atomic(path: Path, value: msgspec.Struct | dict[str, Any]) -> None:
    """Replace a small JSON file so that a reader sees the old or the new one, never a half."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(value), indent=2))
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)  # only still there when the disk is full


def make_reserve(directory: Path) -> None:
    """Set blocks of the disk aside that `write_last` can give up."""
    try:
        (directory / RESERVE).write_bytes(bytes(RESERVE_BYTES))
    except OSError:
        # The disk is full already; the run will find out, and say so as far as it can.
        (directory / RESERVE).unlink(missing_ok=True)


def write_last(path: Path, value: msgspec.Struct) -> bool:
    """`write_atomic` for how a run ended, also on a full disk; False if even that failed."""
    try:
        write_atomic(path, value)
        return True
    except OSError:
        path.with_name(RESERVE).unlink(missing_ok=True)
    try:
        write_atomic(path, value)
    except OSError:
        return False
    return True


def read(path: Path, kind: type[T]) -> T | None:
    """The typed contents of a file of the run directory; None if it is not there yet.

    Raises:
        InputError: the file is broken, another version wrote it, or it is no plain file.
        OSError: it cannot be read.
    """
    try:
        with open_plain(path) as file:
            return msgspec.json.decode(file.read(), type=kind)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        raise InputError(f"{path} cannot be read: it is no plain file.") from None
    except msgspec.DecodeError as error:
        raise InputError(f"{path} cannot be read: {error}.") from error


def named_run(argv: Sequence[str] | None, program: str) -> tuple[Path, RunArguments] | None:
    """The run that the only argument of a program of this room names.

    Args:
        argv: None for the process's own arguments.

    Returns:
        Directory and arguments; None after saying on stderr what is wrong with them.
    """
    argv = sys.argv[1:] if argv is None else argv
    if len(argv) != 1:
        print(f"Usage: python -m rlhf_tui.runs.{program} RUN_DIRECTORY", file=sys.stderr)
        return None
    directory = Path(argv[0]).resolve()
    arguments = read(directory / ARGS, RunArguments)
    if arguments is None:
        print(f"{directory} is not a run directory: it has no {ARGS}.", file=sys.stderr)
        return None
    return directory, arguments
