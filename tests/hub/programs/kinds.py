"""A generate run without a model: four completions a prompt, as fast as the test lets it go."""

from __future__ import annotations

import os
import time

import pyarrow.parquet as pq

from rlhf_tui.records import Completion, generated_completion_id
from rlhf_tui.runs.context import RunContext


def run(context: RunContext) -> None:
    """Write completions prompt by prompt; before the last one, wait for a file `go`.

    Leaves the names of the variables in `keys` that came with the launch.
    """
    came = [name for name in ("HF_TOKEN", "LD_PRELOAD") if name in os.environ]
    aside = context.directory / ".keys"
    aside.write_text(",".join(came))
    aside.rename(context.directory / "keys")
    name = context.arguments.run_id
    prompts = pq.read_table(context.dataset("train")).to_pylist()
    for number, prompt in enumerate(prompts):
        last = number == len(prompts) - 1
        while last and not (context.directory / "go").exists():
            if context.should_stop():
                return
            time.sleep(0.01)
        context.append_completions(
            [
                Completion(
                    generated_completion_id(name, prompt["prompt_id"], index),
                    prompt["prompt_id"],
                    f" {index}",
                    model="secret-model",
                    run_id=name,
                )
                for index in range(4)
            ]
        )
        context.progress(number + 1, len(prompts))
    context.log_metrics(len(prompts), {"completions": 4.0 * len(prompts)})
