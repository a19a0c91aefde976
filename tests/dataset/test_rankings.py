"""The full ranking record: a store built from the export means what the first one meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import pytest
from dataset.world import Judge, fill

from rlhf_tui.dataset.export import write_export
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.formats import read as read_file
from rlhf_tui.records import SPLITS, Completion, Event, Message, Prompt, Task, Written
from rlhf_tui.store import read, rows
from rlhf_tui.store.database import Store
from rlhf_tui.store.log import append
from rlhf_tui.store.write import ingest

EVERYTHING = DatasetSpec("rankings", splits=[*SPLITS])


def eventful(store: Store, judge: Judge) -> None:
    """Both forms, every kind of event, every field set somewhere."""
    fill(store)
    fill(store, chat=True, name="m")
    ingest(
        store,
        prompts=[Prompt("px", "", source="a.csv", split="test", meta={"n": [1, {"x": None}]})],
        completions=[
            Completion(
                "cx", "px", "", "edit", "gpt", "r", {"t": 0.5}, 3, "eos", "cy", demonstration=True
            ),
            Completion("cy", "px", 'tab\t, null \x00, quote ", é 🎬\n', finish_reason="length"),
        ],
        tasks=[
            Task("tx", "rank", "px", ["cy", "cx"], 3, -2, "r", {"cx": 1, "cy": 2}),
            Task("again", "rank", "px", ["cy", "cx"], repeat_of="tx", assignee="ann"),
        ],
    )
    append(
        store,
        [
            Event("lease", "lease", "tx", "ann", expires_ms=5),
            Event(
                event_id="full",
                kind="judge",
                task_id="tx",
                annotator="ann",
                shown=["cx", "cy"],
                tiers=[None, 1],
                thumbs=[True, None],
                both_bad=True,
                strength=2,
                aspects={"cx": {"y": 1}, "cy": {}},
                critique="c",
                tags=["t", "u v"],
                guidelines="abc",
                selection="informative",
                written=[Written("w", [Message("assistant", "m")], "cx"), Written("v", "n")],
                active_ms=1,
                wall_ms=2,
                client="tui",
                created_ms=3,
                surplus=True,
                acting_uid=7,
            ),
        ],
    )
    repeated = Event("again", "judge", "again", "ann", shown=["cy", "cx"], tiers=[1, 2])
    append(store, [repeated])
    judge("rank3", tiers=[1, 2, 3])
    judge("rank3", "eve", kind="adjudicate", tiers=[2, None, 1])
    judge("rank3", "eve", kind="reopen", shown=[])
    judge("rank3", "eve", kind="adjudicate", tiers=[3, 2, 1], written=[Written("z", "zz", "a3")])
    judge("mrank1", "eve", kind="adjudicate", tiers=[1, 2, 3])
    judge("mrank1", "cy", kind="reopen", shown=[])
    judge("rank0", tiers=[1, 2, 2])
    judge("rank0", kind="revise", tiers=[3, 2, 1], supersedes="e0")
    judge("rank1", tiers=[1, 2, 3], written=[Written("e", "", "a1")])
    judge("rank1", kind="retract", tiers=[])
    judge("rank2", kind="skip", reason="dull")
    judge("rank2", "bot", tiers=[], unsure=True)
    judge("mrank0", "bot", tiers=[1, 1, 2])
    judge("mthumb3", "bot", thumbs=[False])
    judge("mthumb3", "ann", kind="flag", reason="rude")


def log(store: Store) -> list[dict[str, Any]]:
    """The events that an export holds, in the order of each task; an import goes by split, so
    that events on other prompts may overtake each other."""
    with store.reading() as con:
        found = con.execute(
            f"SELECT {rows.EVENT} FROM events WHERE kind NOT IN ('lease', 'release')"
            " ORDER BY task_id, seq"
        ).fetchall()
    names = [n for n in Event.__struct_fields__ if n != "seq"]
    return [{n: getattr(e, n) for n in names} for e in map(rows.event, found)]


def meaning(store: Store) -> list[list[tuple[Any, ...]]]:
    queries = (
        "SELECT task_id, annotator, event_id FROM judgements ORDER BY ALL",
        "SELECT * EXCLUDE seq FROM pairs ORDER BY ALL",
        "SELECT * EXCLUDE seq FROM thumbs ORDER BY ALL",
        "SELECT task_id, annotator FROM open_skips ORDER BY ALL",
        "SELECT task_id, event_id FROM standing ORDER BY ALL",
        "SELECT task_id, event_id FROM settled ORDER BY ALL",
        "SELECT * EXCLUDE seq FROM written ORDER BY ALL",
    )
    with store.reading() as con:
        return [con.execute(query).fetchall() for query in queries]


def what_was_written(store: Store) -> list[tuple[Any, ...]]:
    """The completions that annotators wrote, with their prompts, texts and parents."""
    with store.reading() as con:
        return con.execute(
            "SELECT * EXCLUDE position FROM completions WHERE completion_id IN"
            " (SELECT unnest(written).completion_id FROM events) ORDER BY ALL"
        ).fetchall()


@pytest.mark.parametrize("file_format", ["parquet", "jsonl"])
def test_a_store_built_from_an_export_is_the_same(
    store: Store,
    judge: Judge,
    tmp_path: Path,
    file_format: Literal["parquet", "jsonl"],
) -> None:
    eventful(store, judge)
    made = write_export(store, EVERYTHING, file_format, tmp_path)
    assert "what nobody has judged or skipped is not in it" in made.note
    with Store(tmp_path / "again.duckdb", tmp_path / "again.lock", threads=1) as again:
        reading = read_file(made.path)
        for records in reading.batches():
            ingest(
                again,
                prompts=records.prompts,
                completions=records.completions,
                tasks=records.tasks,
                events=records.events,
                annotators=records.annotators,
            )
        assert reading.rejects == []
        assert log(again) == log(store)
        assert len(log(again)) == made.rows
        assert meaning(again) == meaning(store)
        touched = sorted({e["task_id"] for e in log(store)})
        assert read.items(again, touched) == read.items(store, touched)
        assert what_was_written(again) == what_was_written(store) != []
        assert again.annotators == store.annotators
