"""Checkpoints and models that are whole or not there: written aside, synced, renamed, pruned."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = re.compile(r"step-(\d+)")
PARTIAL, OLD = ".partial", ".old"
"""Endings of hidden folders: what is being written, and what it is about to replace."""


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
    """Remove what a worker left in a folder that was killed while it saved."""
    for old in folder.glob(f".*{OLD}"):
        stands = folder / old.name.removeprefix(".").removesuffix(OLD)
        if not stands.exists():
            # Killed between the two renamings.
            old.rename(stands)
        else:
            shutil.rmtree(old)
    for partial in folder.glob(f".*{PARTIAL}"):
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
def whole(target: Path) -> Iterator[Path]:
    """Yield an empty directory that takes the target's place once the block has ended.

    If the block fails, the directory is removed, and a target that was there stays as it is.

    Raises:
        OSError: the disk is full, say.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}{PARTIAL}")
    old = target.with_name(f".{target.name}{OLD}")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        yield aside
        _sync_tree(aside)
        if target.exists():
            # A resumed run comes past the same step again; a directory cannot be renamed over.
            target.rename(old)
        aside.rename(target)
        _sync_file(target.parent)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


@contextmanager
def writing(folder: Path, step: int, keep: int) -> Iterator[Path]:
    """Yield an empty directory to write a checkpoint into; it counts once the block has ended.

    If the block fails, the directory is removed and earlier checkpoints stay as they are. They
    are pruned to the newest `keep` only after the new one stands.

    Raises:
        OSError: the disk is full, say.
    """
    with whole(folder / f"step-{step:06d}") as aside:
        yield aside
    for outdated in complete(folder)[:-keep]:
        shutil.rmtree(outdated)
