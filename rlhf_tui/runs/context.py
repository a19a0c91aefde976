"""What a run's code is given: its arguments, and where its figures, samples and models go.

Light on purpose: never torch. A kind's module defines `run(context: RunContext) -> None`. Under
`accelerate launch` every process runs it on a context of its own, of which only the main one's
writes; the same code then needs no question before each line that it logs.
"""

from __future__ import annotations

import math
import os
import signal
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, TypeVar

import msgspec

from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.records import Completion, Score, Split
from rlhf_tui.runs import checkpoints, layout
from rlhf_tui.runs.batching import adjusted_arguments
from rlhf_tui.runs.histograms import histogram
from rlhf_tui.runs.layout import (
    HEARTBEAT_S,
    Phase,
    RunArguments,
    RunStatus,
    SampleRow,
)
from rlhf_tui.runs.lines import LineLog, metrics_row
from rlhf_tui.runs.process import mark
from rlhf_tui.runs.ranks import Rank, rank_of

T = TypeVar("T", bound=msgspec.Struct)

WRITE_EVERY_S = 0.5
"""Progress is on disk after at most so long; writing it is the heartbeat thread's work, so that
a fast training loop does not wait for the disk."""


class Listener(Protocol):
    """Hears a run's figures beside our own log; deals with its own failures and never raises."""

    def heard(self, step: int, figures: Mapping[str, float]) -> None:
        """Figures that were logged, those that are finite."""

    def over(self, phase: Phase) -> None:
        """The run ends, in this phase."""


class RunContext:
    """One run, seen from within one of its workers.

    Args:
        arguments: of args.json; what the run was adjusted to since then is laid over them.
        place: which of the run's processes this is; None: as the environment says.
    """

    def __init__(self, directory: Path, arguments: RunArguments, place: Rank | None = None) -> None:
        self.directory = directory
        self.place = rank_of(os.environ) if place is None else place
        now = adjusted_arguments(directory, arguments.arguments)
        self.arguments = msgspec.structs.replace(arguments, arguments=now)
        self.stopped = False
        """True once the run's code has learnt that it is to end."""
        self.listeners: list[Listener] = []
        """Who hears the figures that are logged; only the main process logs any."""
        self._asked = False
        self._status = RunStatus("starting", mark(), time.time())
        self._written = RunStatus("starting", self._status.process, 0.0)
        self._beaten = 0.0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._metrics = LineLog(directory / layout.METRICS)
        self._samples = LineLog(directory / layout.SAMPLES)
        self._distributions = LineLog(directory / layout.DISTRIBUTIONS)
        self._completions = LineLog(directory / layout.COMPLETIONS)
        self._scores = LineLog(directory / layout.SCORES)

    # --- who this is ----------------------------------------------------------------------

    @property
    def is_main(self) -> bool:
        """Whether this process writes: metrics, samples, checkpoints and the model are its own."""
        return self.place.is_main

    @property
    def rank(self) -> int:
        """This process among all of the run, from 0."""
        return self.place.rank

    @property
    def world(self) -> int:
        """Processes of the run, on all machines."""
        return self.place.world

    # --- what to do -----------------------------------------------------------------------

    def options(self, kind: type[T]) -> T:
        """The run's arguments as the kind's typed options.

        Raises:
            UsageError: args.json does not fit, from another version, say.
        """
        try:
            return msgspec.convert(self.arguments.arguments, kind)
        except msgspec.ValidationError as error:
            raise UsageError(
                f"The arguments of {self.arguments.run_id} do not fit this version: {error}."
            ) from error

    def should_stop(self) -> bool:
        """Whether this process heard that the run is to end: save a checkpoint and return.

        Of several processes only the main one hears, so they ask `training.ranks.should_stop`,
        which gives all of them the main one's answer.
        """
        self.stopped = self.stopped or self._asked
        return self._asked

    def stop(self) -> None:
        """Take from another process that the run is to end."""
        self._asked = True

    def dataset(self, split: Split) -> Path:
        """The snapshot's Parquet file of a split.

        Raises:
            InputError: the snapshot has no such file.
        """
        path = self.directory / layout.DATASET / f"{split}.parquet"
        if not path.exists():
            raise InputError(f"The snapshot of {self.arguments.run_id} has no {path.name}.")
        return path

    @property
    def model_dir(self) -> Path:
        """Where the finished model stands once it is whole; see `writing_model`."""
        return self.directory / layout.MODEL

    # --- what is going on -----------------------------------------------------------------

    def progress(self, step: int, total: int, message: str = "", phase: Phase = "running") -> None:
        """Say how far the run is; cheap enough for every step.

        Args:
            total: 0 while not known.
        """
        if not self.is_main:
            return
        with self._lock:
            changed = phase != self._status.phase
            if changed and phase == "running":
                self._status.running_since, self._status.first_step = time.time(), step
            self._status.step, self._status.total_steps = step, total
            self._status.message, self._status.phase = message, phase
        if changed:
            self._write_status()

    def log_metrics(self, step: int, metrics: Mapping[str, Any], **extra: Any) -> None:
        """Append a line to metrics.jsonl; a value that is not finite becomes null there.

        Args:
            metrics: by name, numbers or one-element arrays.
            extra: other JSON values of the line (epoch, split …).

        Raises:
            OSError: the disk is full.
        """
        if not self.is_main:
            return
        row = metrics_row(step, metrics, extra)
        self._metrics.append([row])
        latest = {name: row[name] for name in metrics if row[name] is not None}
        with self._lock:
            self._status.metrics = self._status.metrics | latest
        for listener in self.listeners:
            listener.heard(step, latest)

    def sample(self, row: SampleRow) -> None:
        """Append a sample completion for people to look at."""
        if not self.is_main:
            return
        for name in ("reward", "kl"):
            value = getattr(row, name)
            if value is not None and not math.isfinite(value):
                row = msgspec.structs.replace(row, **{name: None})
        self._samples.append([row])

    def distribution(self, step: int, name: str, values: Any, unit: str = "") -> None:
        """Append a histogram of values to distributions.jsonl; without finite ones, nothing.

        Args:
            values: numbers, or an array of NumPy's or torch's. Of several processes the main one's
                count, which need not be all.

        Raises:
            OSError: the disk is full.
        """
        row = histogram(step, name, values, unit) if self.is_main else None
        if row is not None:
            self._distributions.append([row])

    def append_completions(self, completions: Sequence[Completion]) -> None:
        """Hand completions to the hub, which takes them into the store while the run goes on."""
        if self.is_main:
            self._completions.append(completions)

    def append_scores(self, scores: Sequence[Score]) -> None:
        """Hand scores to the hub, likewise."""
        if self.is_main:
            self._scores.append(scores)

    # --- checkpoints ----------------------------------------------------------------------

    @contextmanager
    def checkpoint_dir(self, step: int) -> Iterator[Path]:
        """Yield an empty directory for a checkpoint, which counts once the block has ended.

        Older ones are pruned to `keep_checkpoints` of the arguments then, 2 if not given. If the
        block fails, the earlier checkpoints stay. In a process that is not the main one the
        directory is a temporary one, and what is written there is thrown away.

        Raises:
            OSError: the disk is full, say.
        """
        if not self.is_main:
            with tempfile.TemporaryDirectory() as nowhere:
                yield Path(nowhere)
            return
        keep = max(1, int(self.arguments.arguments.get("keep_checkpoints", 2)))
        with checkpoints.writing(self.directory / layout.CHECKPOINTS, step, keep) as path:
            yield path

    def latest_checkpoint(self) -> Path | None:
        """The newest whole checkpoint, which a resumed run starts from; None if there is none.

        Its step is `checkpoints.step_of(path)`.
        """
        found = checkpoints.complete(self.directory / layout.CHECKPOINTS)
        return found[-1] if found else None

    @contextmanager
    def writing_model(self) -> Iterator[Path]:
        """Yield an empty directory for the finished model, which stands once the block has ended.

        Only the main process calls it. If the block fails, or the process is killed, there is no
        model: a half one would be taken for the run's.

        Raises:
            OSError: the disk is full, say.
        """
        with checkpoints.whole(self.model_dir) as path:
            yield path

    # --- life -----------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to listen for a stop and to beat; only in the main thread."""
        # torchrun sends SIGTERM when another process has failed: one that then waits for it in
        # the middle of an exchange could not listen. Those hear of a stop by the file.
        if not self.place.launched:
            signal.signal(signal.SIGTERM, self._on_term)
        # A closed terminal is no reason to end, also for a worker started by hand.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        if not self.is_main:
            return
        (self.directory / layout.CHECKPOINTS).mkdir(exist_ok=True)
        for folder in (self.directory / layout.CHECKPOINTS, self.directory):
            checkpoints.clear_partial(folder)
        self._write_status()
        self._heart.start()

    def finish(self, phase: Phase, message: str) -> None:
        """Write the last status and close the files."""
        if not self.is_main:
            return
        # While the heart still beats: what a service has yet to send may take a while.
        for listener in self.listeners:
            listener.over(phase)
        self._ended.set()
        self._heart.join()
        with self._lock:
            self._status.phase, self._status.message = phase, message
            self._status.updated = time.time()
            layout.write_last(self.directory / layout.STATUS, self._status)
        for log in (
            self._metrics,
            self._samples,
            self._distributions,
            self._completions,
            self._scores,
        ):
            log.close()

    def _on_term(self, _signal: int, _frame: FrameType | None) -> None:
        self._asked = True

    def _beat(self) -> None:
        while not self._ended.wait(WRITE_EVERY_S):
            if not self._asked and (self.directory / layout.STOP).exists():
                self._asked = True
            with self._lock:
                # Not by the clock that people set, which may be put back by an hour.
                due = time.monotonic() - self._beaten >= HEARTBEAT_S
                self._status.updated = self._written.updated
                news = self._status != self._written
            if due or news:
                self._write_status()

    def _write_status(self) -> None:
        with self._lock:
            self._status.updated = time.time()
            # The next beat tries again; a full disk shows by itself in what matters more.
            with suppress(OSError):
                layout.write_atomic(self.directory / layout.STATUS, self._status)
            self._written = msgspec.structs.replace(self._status)
            self._beaten = time.monotonic()
