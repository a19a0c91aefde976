"""A store on disk, and the smallest world to judge in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rlhf_tui.records import Completion, Message, Prompt, Task
from rlhf_tui.store.database import Store
from rlhf_tui.store.write import ingest


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A new store; `store.path` tells where."""
    with Store(tmp_path / "store.duckdb", tmp_path / "store.lock", threads=1) as opened:
        yield opened


@pytest.fixture
def judged(store: Store) -> Store:
    """A text prompt p1 (t1 ranks c0 to c2) and a message prompt p2 (t2 thumbs d0)."""
    ingest(
        store,
        prompts=[
            Prompt("p1", "It was", source="films.txt", meta={"line": 3}),
            Prompt("p2", [Message("user", "Hello?")], split="test"),
        ],
        completions=[
            *(
                Completion(f"c{i}", "p1", f" take {i}", run_id="generate-0001", tokens=i)
                for i in range(3)
            ),
            Completion("d0", "p2", [Message("assistant", "Yes.")], parameters={"top_p": 0.9}),
        ],
        tasks=[
            Task("t1", "rank", "p1", ["c2", "c0", "c1"], overlap=2, gold={"c0": 1}),
            Task("t2", "thumbs", "p2", ["d0"], priority=5),
        ],
    )
    return store
