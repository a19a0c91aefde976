"""The worker, in a run directory that may hold three files.

`stop-at`: its main process hears of a stop once it has done the step that this one names.
`rows-at-most`: from the third step on torch finds no memory for passes of more rows than that.
`cpus-as-gpus`: Accelerate takes the processes for those of GPUs, and lets them split the weights.
"""

import sys
from pathlib import Path
from typing import Any

from rlhf_tui.runs import worker
from rlhf_tui.runs.context import RunContext

progress = RunContext.progress


def watched(context: RunContext, step: int, *rest: Any, **named: Any) -> None:
    progress(context, step, *rest, **named)
    wanted = context.directory / "stop-at"
    if context.is_main and wanted.exists() and step >= int(wanted.read_text()):
        context.stop()


def with_little_memory(most: int) -> None:
    """Ask torch for more than there can be in the steps that would not fit."""
    import torch
    from transformers import Trainer

    step = Trainer.training_step

    def watched_step(
        self: Any, model: Any, inputs: dict[str, Any], *rest: Any, **named: Any
    ) -> Any:
        if self.state.global_step >= 2 and len(inputs["input_ids"]) > most:
            torch.empty(2**60, dtype=torch.uint8)
        return step(self, model, inputs, *rest, **named)

    Trainer.training_step = watched_step


def cpus_as_gpus() -> None:
    from accelerate import state
    from accelerate.utils import DistributedType

    init = state.PartialState.__init__

    def patched(self: Any, *given: Any, **named: Any) -> None:
        first = not state.PartialState._shared_state
        init(self, *given, **named)
        if first:
            self.distributed_type = DistributedType.MULTI_GPU

    state.PartialState.__init__ = patched


if (Path(sys.argv[1]) / "cpus-as-gpus").exists():
    cpus_as_gpus()
little = Path(sys.argv[1]) / "rows-at-most"
if little.exists():
    with_little_memory(int(little.read_text()))
RunContext.progress = watched  # type: ignore[method-assign]
sys.exit(worker.main())
