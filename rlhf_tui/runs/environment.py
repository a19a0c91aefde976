"""Which environment variables travel from a command to its worker, and which never do."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rlhf_tui.config.endpoints import KEY_VARIABLES
from rlhf_tui.runs.layout import RunArguments

CARRIED = frozenset(
    {
        "CUDA_VISIBLE_DEVICES",
        "CUDA_DEVICE_ORDER",
        "HIP_VISIBLE_DEVICES",
        "ROCR_VISIBLE_DEVICES",
        "PYTORCH_CUDA_ALLOC_CONF",
        "PYTORCH_ALLOC_CONF",
        "TRANSFORMERS_OFFLINE",
        "TRANSFORMERS_VERBOSITY",
        "WANDB_BASE_URL",
        "WANDB_DIR",
        "WANDB_ENTITY",
        "WANDB_MODE",
        "WANDB_PROJECT",
        "TRACKIO_DIR",
        "TRACKIO_PROJECT",
        "TRACKIO_SPACE_ID",
        "TENSORBOARD_LOGGING_DIR",
    }
)
CARRIED_PREFIXES = ("HF_",)
SECRETS = frozenset(
    {
        "RLHF_TUI_ENDPOINT_KEY",
        "OPENAI_API_KEY",
        "HF_TOKEN",
        "HUGGING_FACE_HUB_TOKEN",
        "WANDB_API_KEY",
    }
)
"""Keys that a run may need: of a server that generates, of the Hugging Face Hub, of W&B."""
SECRET_WORDS = ("TOKEN", "KEY", "SECRET", "PASSWORD")
"""A name with one of these stays out of args.json; the worker may still inherit it."""


CREDENTIALS = re.compile(r"://[^/\s]*@")
"""An address with a user name, and perhaps a password, in it."""


def carried(environ: Mapping[str, str]) -> dict[str, str]:
    """What a launch takes along and args.json records: the allow-listed variables, no secrets."""
    return {
        name: value
        for name, value in sorted(environ.items())
        if (name in CARRIED or name.startswith(CARRIED_PREFIXES))
        and not any(word in name for word in SECRET_WORDS)
        and not CREDENTIALS.search(value)
    }


def secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """The keys that a command hands to the hub for its run: from memory to memory, never a file."""
    return {name: environ[name] for name in sorted(SECRETS) if environ.get(name)}


def lost_keys(arguments: RunArguments, environ: Mapping[str, str]) -> list[str]:
    """Keys that a run was given, cannot do without, and would not get from this environment.

    Whether it needs one of the Hugging Face Hub cannot be told: a model may be there already.
    """
    options = arguments.arguments
    needed: set[str] = set()
    if options.get("endpoint") or options.get("eval_endpoint"):
        needed |= {*KEY_VARIABLES}
    if "wandb" in (options.get("report_to") or ()):
        needed.add("WANDB_API_KEY")
    return [name for name in arguments.keys if name in needed and not environ.get(name)]


def worker_environment(inherited: Mapping[str, str], arguments: RunArguments) -> dict[str, str]:
    """The worker's environment: the supervisor's own, over it what the launch carried."""
    environment = dict(inherited) | carried(arguments.environment)
    # Workers fork data loaders; the tokenizers library warns and stalls there otherwise.
    environment["TOKENIZERS_PARALLELISM"] = "false"
    environment["PYTHONUNBUFFERED"] = "1"
    threads = arguments.arguments.get("threads", 0)
    if isinstance(threads, int) and threads > 0:
        environment["OMP_NUM_THREADS"] = str(threads)
    return environment
