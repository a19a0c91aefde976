"""Into a store, out as a ranking record, and into another store: nothing is lost or doubled."""

from __future__ import annotations

from pathlib import Path

import pytest
from formats.examples import EXAMPLES

from rlhf_tui.dataset.export import write_export
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.formats import read
from rlhf_tui.records import SPLITS
from rlhf_tui.store.database import Store
from rlhf_tui.store.write import Tally, ingest

JUDGED = "task_id IN (SELECT task_id FROM events)"
CONTENTS = {
    "annotators": "SELECT * FROM annotators ORDER BY name",
    "events": "SELECT * EXCLUDE (seq) FROM events ORDER BY event_id",
    "tasks": f"SELECT * EXCLUDE (position) FROM tasks WHERE {JUDGED} ORDER BY task_id",
    "prompts": "SELECT * EXCLUDE (position) FROM prompts WHERE prompt_id IN"
    f" (SELECT prompt_id FROM tasks WHERE {JUDGED}) ORDER BY prompt_id",
    "completions": "SELECT * EXCLUDE (position) FROM completions WHERE completion_id IN"
    f" (SELECT unnest(completion_ids) FROM tasks WHERE {JUDGED}) ORDER BY completion_id",
}


def take(store: Store, path: Path) -> Tally:
    """Import a file as the hub does; what it added."""
    total = Tally()
    reading = read(path)
    for batch in reading.batches():
        added, _ = ingest(
            store,
            prompts=batch.prompts,
            completions=batch.completions,
            tasks=batch.tasks,
            events=batch.events,
            annotators=batch.annotators,
        )
        for name in Tally.__struct_fields__:
            setattr(total, name, getattr(total, name) + getattr(added, name))
    assert reading.rejects == []
    return total


def open_store(folder: Path) -> Store:
    folder.mkdir()
    return Store(folder / "store.duckdb", folder / "store.lock", threads=1)


def contents(store: Store) -> dict[str, list[tuple[object, ...]]]:
    with store.reading() as con:
        return {name: con.execute(query).fetchall() for name, query in CONTENTS.items()}


@pytest.mark.parametrize("format", ["parquet", "jsonl"])
def test_a_store_is_rebuilt_from_its_ranking_record(tmp_path, write, format):
    with open_store(tmp_path / "one") as one, open_store(tmp_path / "two") as two:
        for place, (name, row) in enumerate(EXAMPLES):
            path = write([row], f"{name}-{place}.jsonl")
            take(one, path)
            assert take(one, path) == Tally(), "the same file twice adds nothing"
        spec = DatasetSpec("rankings", splits=[*SPLITS])
        exported = write_export(one, spec, format, tmp_path).path
        added = take(two, exported)
        assert added.events == 9
        assert contents(two) == contents(one)
        assert take(two, exported) == Tally()
