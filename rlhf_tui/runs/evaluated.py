"""What an evaluate run measures: which kind of run made a model, and with which arguments.

The hub needs it to choose the data, and the worker to know what is to be measured; both read the
files beside the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import RunArguments, RunKind

WITH_MODELS: tuple[RunKind, ...] = ("sft", "rm", "ppo", "dpo", "kto", "rloo", "grpo")
"""The kinds whose runs leave a model, each measured in its own way."""


class Evaluated(msgspec.Struct):
    kind: RunKind
    run_id: str = ""
    """The run that made the model; empty for a model from elsewhere."""
    arguments: dict[str, Any] = {}
    """Of that run."""
    cwd: str = ""
    """Where that run was launched."""


def evaluated(model: str) -> Evaluated:
    """What made the model at a path, or a checkpoint of it.

    A model from elsewhere is measured as a reward model if it is a classifier, else as a language
    model, like one that was fine-tuned.

    Raises:
        InputError: the run's args.json is broken.
    """
    path = Path(model)
    for directory in list(path.parents)[:2]:
        made = layout.read(directory / layout.ARGS, RunArguments)
        if made is not None and made.kind in WITH_MODELS:
            return Evaluated(made.kind, made.run_id, made.arguments, made.cwd)
    return Evaluated("rm" if _is_classifier(path) else "sft")


def _is_classifier(path: Path) -> bool:
    for name in ("config.json", "adapter_config.json"):
        found = layout.read(path / name, _Config)
        if found is not None:
            named = [*(found.architectures or []), found.task_type or ""]
            return any("SequenceClassification" in one or one == "SEQ_CLS" for one in named)
    return False


class _Config(msgspec.Struct):
    architectures: list[str] | None = None
    task_type: str | None = None
