"""What typer says of a wrong use, as our sentences: the nearest right name, never its jargon."""

from __future__ import annotations

import re
from typing import Any

import typer

from rlhf_tui.errors import UsageError, nearest

NOT_A_CHOICE = re.compile(r"'(?P<given>[^']*)' is not one of (?P<choices>'.+')$")
"""typer's sentence about a choice; it keeps the choices nowhere else."""
MISUSED = re.compile(r"((?P<needs>requires an argument)|does not take a value)$")
"""What it says of an option at the end of the line, and of a switch with a value."""
NOT_A_NUMBER = re.compile(r"Input should be a valid (?P<kind>integer|number), .*$")

ELSEWHERE = {
    "--max-steps": "--total-steps",
    "--total-steps": "--max-steps",
    "--num-train-epochs": "--epochs",
    "--per-device-train-batch-size": "--batch-size",
    "--gradient-accumulation-steps": "--gradient-accumulation",
    "--model-name-or-path": "--model",
    "--reward-model-path": "--reward-model",
    "--reward-funcs": "--rewards",
    "--dataset-name": "--dataset",
    "--use-peft": "--tune",
    "--finetuning-type": "--tune",
    "--lora-r": "--lora-rank",
    "--lora-target-modules": "--lora-target",
    "--load-in-4bit": "--quantization",
    "--load-in-8bit": "--quantization",
    "--quantization-bit": "--quantization",
    "--bf16": "--precision",
    "--fp16": "--precision",
    "--dtype": "--precision",
    "--lr-scheduler-type": "--schedule",
    "--warmup-ratio": "--warmup-share",
    "--cutoff-len": "--max-length",
    "--pref-beta": "--beta",
    "--pref-loss": "--loss-type",
    "--max-completion-length": "--response-length",
    "--max-new-tokens": "--response-length",
    "--save-total-limit": "--keep-checkpoints",
}
"""Options by their names in TRL and LLaMA-Factory, which people bring along, and ours."""


def usage_error(error: typer.TyperException) -> UsageError:
    """The refusal of a command line, with what was meant where that can be told."""
    context = getattr(error, "ctx", None)
    see = f"See: {context.command_path} --help" if context is not None else ""
    option = getattr(error, "option_name", "")
    if option and hasattr(error, "possibilities"):
        return _no_such_option(option, context, see)
    message = error.format_message().replace("Value error, ", "").rstrip(".")
    found = NOT_A_CHOICE.search(message)
    if found:
        given, choices = found["given"], re.findall(r"'([^']*)'", found["choices"])
        where = message[: found.start()]
        return UsageError(
            f"{where}{given!r} is not one of its choices.", hint=nearest(given, choices)
        )
    misused = MISUSED.search(message)
    if misused:
        needs = "needs a value" if misused["needs"] else "takes no value"
        # typer says this before it knows which command it is in.
        return UsageError(f"{option} {needs}.", hint=see or "See the command's --help.")
    wrong = NOT_A_NUMBER.search(message)
    if wrong:
        kind = "a whole number" if wrong["kind"] == "integer" else "a number"
        return UsageError(f"{message[: wrong.start()]}it should be {kind}.", hint=see)
    return UsageError(message, hint=see)


def _no_such_option(given: str, context: Any, see: str) -> UsageError:
    """Of an option that is not there only the nearest is named: a trainer has some seventy."""
    known = [
        name
        for parameter in context.command.get_params(context)
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    ]
    name = given.replace("_", "-")
    ours = ELSEWHERE.get(name, "")
    meant = nearest(ours if ours in known else name, known).partition(" Known: ")[0]
    hint = f"{meant} {see}" if meant.startswith("Did") else see
    return UsageError(f"{context.command_path} has no option {given}.", hint=hint)
