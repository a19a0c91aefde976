"""What a worker sets before the heavy libraries are imported: quiet, offline-minded, seeded."""

from __future__ import annotations

import os
import random
import warnings

from rlhf_tui.config.options import Options

QUIET = {
    # Usage reports of the libraries: a worker tells nobody what people train.
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
    # Progress bars have no place in a log file; our own progress goes through the run context.
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TQDM_DISABLE": "1",
    # The tokenizer's own thread pool takes the cores from torch and gains nothing on our batches.
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    # Threads that spin at every small product while another program has their core make a run
    # on shared cores six times slower (measured); sleeping ones cost nothing on idle cores.
    "OMP_WAIT_POLICY": "passive",
    "GOMP_SPINCOUNT": "0",
}
"""Read by the libraries when they are imported, so set before; the person's own values win."""

NOISE: tuple[tuple[str, type[Warning]], ...] = (
    # PEFT and TRL ask transformers under a name that will go.
    ("`is_gradient_checkpointing` is deprecated", FutureWarning),
    # PEFT looks beside an adapter for its base, which our runs keep elsewhere.
    ("Could not find a config file in", UserWarning),
)
"""Warnings of libraries about each other, with which a person can do nothing: not in the log."""

SMALL = 20_000_000
"""Parameters; the products of smaller models are too short to be shared between threads."""


def prepare(options: Options) -> None:
    """Make this process ready for torch: environment and seeds. Call it first in a run."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    for beginning, category in NOISE:
        warnings.filterwarnings("ignore", message=beginning, category=category)
    import torch

    random.seed(options.seed)
    torch.manual_seed(options.seed)


def choose_threads(options: Options, parameters: int) -> None:
    """Set torch's threads: as told, else one for a small model and torch's own choice otherwise."""
    import torch

    if options.threads:
        torch.set_num_threads(options.threads)
    elif parameters < SMALL:
        torch.set_num_threads(1)
