"""TensorBoard, W&B and trackio, each by its own package; imported only where a run names it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from rlhf_tui.errors import UsageError
from rlhf_tui.training.reporting import PROJECT, Service, described, resumed_at, service_run

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext

FLUSH_S = 10
"""A curve that is looked at is at most so old."""
FOLDER = "tensorboard"
"""In the run directory: `tensorboard --logdir runs` shows all runs of a workspace."""


class TensorBoard:
    """Event files, by TensorBoard's own writer; nothing leaves the machine."""

    def __init__(self, context: RunContext) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        self._event, self._summary = Event, Summary
        self._writer = EventFileWriter(str(context.directory / FOLDER), flush_secs=FLUSH_S)
        step = resumed_at(context)
        if step:
            # What a worker before this one wrote behind the checkpoint comes again.
            start = SessionLog(status=SessionLog.START)
            self._add(Event(step=step + 1, session_log=start))
        else:
            self._tell(described(context))

    def _tell(self, about: Mapping[str, object]) -> None:
        from tensorboard.compat.proto.summary_pb2 import SummaryMetadata
        from tensorboard.compat.proto.tensor_pb2 import TensorProto
        from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
        from tensorboard.compat.proto.types_pb2 import DT_STRING

        rows = "".join(
            f"| {name} | `{json.dumps(v, default=str)}` |\n" for name, v in about.items()
        )
        tensor = TensorProto(
            dtype=DT_STRING,
            string_val=[f"| option | value |\n|---|---|\n{rows}".encode()],
            tensor_shape=TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)]),
        )
        plugin = SummaryMetadata.PluginData(plugin_name="text")
        value = self._summary.Value(
            tag="arguments", metadata=SummaryMetadata(plugin_data=plugin), tensor=tensor
        )
        self._add(self._event(step=0, summary=self._summary(value=[value])))

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        values = [self._summary.Value(tag=name, simple_value=v) for name, v in figures.items()]
        self._add(self._event(step=step, summary=self._summary(value=values)))

    def _add(self, event: object) -> None:
        event.wall_time = time.time()  # type: ignore[attr-defined]
        self._writer.add_event(event)

    def close(self, *, failed: bool) -> None:
        self._writer.close()


class WeightsAndBiases:
    """A run at W&B, or in offline files with WANDB_MODE=offline."""

    def __init__(self, context: RunContext) -> None:
        import wandb

        try:
            self._run = wandb.init(
                project=os.environ.get("WANDB_PROJECT", PROJECT),
                name=context.arguments.title or context.arguments.run_id,
                id=service_run(context),
                resume="allow",
                config=described(context),
                dir=str(context.directory),
                # Figures and arguments were asked for; the log and the code were not.
                settings=wandb.Settings(
                    console="off", disable_git=True, save_code=False, silent=True
                ),
            )
        except (wandb.errors.UsageError, wandb.errors.AuthenticationError) as error:
            raise UsageError(
                f"report_to = 'wandb': {str(error).rstrip('. ')}.",
                hint="Set WANDB_API_KEY in the environment of the command, or keep the figures on"
                " this machine with WANDB_MODE=offline.",
            ) from error
        # Its own counter refuses steps that come again after a resume.
        self._run.define_metric("*", step_metric="step")

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        self._run.log({**figures, "step": step})

    def close(self, *, failed: bool) -> None:
        self._run.finish(exit_code=int(failed))


class Trackio:
    """A run in trackio's files on this machine, or in the Space that TRACKIO_SPACE_ID names."""

    def __init__(self, context: RunContext) -> None:
        import trackio

        self._run = trackio.init(
            project=os.environ.get("TRACKIO_PROJECT", PROJECT),
            name=service_run(context),
            space_id=os.environ.get("TRACKIO_SPACE_ID"),
            config=described(context),
            resume="allow",
            embed=False,
        )

    def log(self, step: int, figures: Mapping[str, float]) -> None:
        self._run.log(dict(figures), step=step)

    def close(self, *, failed: bool) -> None:
        self._run.finish()


OPEN: dict[str, Callable[[RunContext], Service]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "trackio": Trackio,
}
"""Name in `report_to` → what opens it for a run."""
