"""`python -m rlhf_tui.training.merge ADAPTER OUT`: an adapter and its base as one whole model.

A process of its own, started by `rlhf-tui merge`, which must not import torch.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from rlhf_tui.config.options import Options
from rlhf_tui.errors import UsageError
from rlhf_tui.evaluation.worker_process import told
from rlhf_tui.training import rendering
from rlhf_tui.training.process import prepare


def merge(source: Path, out: Path) -> None:
    """Write the whole model, its tokenizer, and how it reads; OUT appears when it is whole.

    Raises:
        InputError: `source` is no adapter folder, or its base cannot be loaded.
        UsageError: `out` is there already.
    """
    refuse_existing(out)
    prepare(Options())
    from rlhf_tui.training import models

    loaded = models.merged(source)
    aside = out.with_name(f".{out.name}.part")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        loaded.model.save_pretrained(aside)
        loaded.tokenizer.save_pretrained(aside)
        if (source / rendering.FILE).exists():
            shutil.copy2(source / rendering.FILE, aside)
        if out.is_dir():
            out.rmdir()
        aside.rename(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def refuse_existing(out: Path) -> None:
    """An empty folder may be written into, nothing else is overwritten.

    Raises:
        UsageError: there is something at `out`.
    """
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UsageError(f"{str(out)!r} is there already.", hint="Name a folder that is not.")


def main(arguments: Sequence[str]) -> None:
    source, out = arguments
    merge(Path(source), Path(out))


if __name__ == "__main__":
    sys.exit(told(main))
