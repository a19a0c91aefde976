"""Checkpoints that are whole or not there: written aside, synced, renamed, pruned."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = re.compile(r"step-(\d+)")


def step_of(checkpoint: Path) -> int:
    """The step in a checkpoint's name; -1 for a folder that is none."""
    match = NAME.fullmatch(checkpoint.name)
    return int(match[1]) if match else -1


def complete(folder: Path) -> list[Path]:
    """The whole checkpoints of a run, oldest first."""
    if not folder.is_dir():
        return []
    return sorted((p for p in folder.iterdir() if step_of(p) >= 0), key=step_of)


def clear_partial(folder: Path) -> None:
    """Remove what a worker left that was killed while it saved."""
    for partial in folder.glob(".step-*"):
        shutil.rmtree(partial)


def _sync_file(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_tree(folder: Path) -> None:
    for path in folder.rglob("*"):
        _sync_file(path)
    _sync_file(folder)


@contextmanager
def writing(folder: Path, step: int, keep: int) -> Iterator[Path]:
    """Yield an empty directory to write a checkpoint into; it counts once the block has ended.

    If the block fails, the directory is removed and earlier checkpoints stay as they are. They
    are pruned to the newest `keep` only after the new one stands.

    Raises:
        OSError: the disk is full, say.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = f"step-{step:06d}"
    aside, old = folder / f".{name}.partial", folder / f".{name}.old"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        yield aside
        _sync_tree(aside)
        if (folder / name).exists():
            # A resumed run comes past the same step again; a directory cannot be renamed over.
            (folder / name).rename(old)
        aside.rename(folder / name)
        _sync_file(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    for outdated in complete(folder)[:-keep]:
        shutil.rmtree(outdated)
