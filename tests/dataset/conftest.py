"""A store on disk, and a short way to judge in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dataset.world import Judge
from helpers.disks import disk_of

from rlhf_tui.records import Event
from rlhf_tui.store.database import Store
from rlhf_tui.store.log import append


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "store.duckdb", tmp_path / "store.lock", threads=1) as opened:
        yield opened


@pytest.fixture
def judge(store: Store) -> Judge:
    numbers = iter(range(1000))

    def store_one(task: str, annotator: str = "ann", kind: str = "judge", **fields: Any) -> Event:
        number = task[-1]
        letters = "abc" if "rank" in task else "a"
        name = task.split("rank")[0].split("thumb")[0]
        fields.setdefault("shown", [f"{name}{letter}{number}" for letter in letters])
        event = Event(f"e{next(numbers)}", kind, task, annotator, **fields)  # type: ignore[arg-type]
        append(store, [event])
        return event

    return store_one


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    with disk_of("1m", tmp_path / "disk") as disk:
        yield disk
