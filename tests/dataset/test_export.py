"""Exports: what is in each kind, and that `datasets` loads every one as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from dataset.world import Judge, fill

from rlhf_tui.dataset.export import write_export
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.errors import InputError, NothingToDo
from rlhf_tui.records import Completion, Event, Message, Prompt, Task, Written
from rlhf_tui.store.database import Store
from rlhf_tui.store.log import append
from rlhf_tui.store.write import ingest


def rows(store: Store, spec: DatasetSpec, directory: Path) -> tuple[list[dict[str, Any]], str]:
    """The rows of an export, the same from both formats, and its note."""
    table = write_export(store, spec, "parquet", directory)
    lines = write_export(store, spec, "jsonl", directory)
    found: list[dict[str, Any]] = pq.read_table(table.path).to_pylist()
    assert found == [json.loads(line) for line in lines.path.read_text().splitlines()]
    assert len(found) == table.rows == lines.rows
    assert table.note == lines.note
    assert not list(directory.glob(".*.part"))
    return found, table.note


def test_preference_rows_say_who_preferred_what(store: Store, judge: Judge, tmp_path: Path) -> None:
    fill(store)
    first = judge("rank0", tiers=[2, 1, 2])
    judge("rank2", "bot", tiers=[1, None, 2])
    judge("rank3", tiers=[1, 2, 3])
    found, note = rows(store, DatasetSpec("preference"), tmp_path)
    assert found[0] == {
        "prompt": "Q0",
        "chosen": " answer b0",
        "rejected": " answer a0",
        "weight": 0.5,
        "ranking_id": first.event_id,
        "prompt_id": "p0",
        "annotator": "ann",
        "strength": None,
        "chosen_id": "b0",
        "rejected_id": "a0",
        "split": "train",
    }
    assert [(r["chosen_id"], r["rejected_id"], r["weight"]) for r in found] == [
        ("b0", "a0", 0.5),
        ("b0", "c0", 0.5),
        ("a2", "c2", 1.0),
    ]
    assert note == (
        "3 pairs from 2 rankings by 2 annotators; 1 tie and 1 unranked completion left out."
    )


def test_what_makes_no_pair_is_counted_by_its_own_name(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    ingest(
        store,
        completions=[Completion("twin", "p2", " answer a2"), Completion("x2", "p2", "x")],
        tasks=[Task("twins", "rank", "p2", ["a2", "twin", "x2"])],
    )
    judge("rank0", tiers=[1, 2, 3])
    judge("rank0", "bot", tiers=[], both_bad=True)
    judge("rank1", tiers=[1, 2, 3], unsure=True)
    append(
        store, [Event("tw", "judge", "twins", "ann", shown=["a2", "twin", "x2"], tiers=[1, 2, 3])]
    )
    found, note = rows(store, DatasetSpec("preference"), tmp_path)
    assert len(found) == 5
    assert [r["weight"] for r in found if r["ranking_id"] == "tw"] == [0.5, 0.5]
    assert note == (
        "5 pairs from 2 rankings by 1 annotator; 1 unsure ranking, 1 both-bad ranking and 1 pair"
        " of identical texts left out. 1 of 2 items was judged by several people: each judgement"
        " counts by itself."
    )


def test_one_pair_is_drawn_from_each_ranking_and_always_the_same(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    for person in "abcdefgh":
        judge("rank0", person, tiers=[1, 2, 3])
    judge("rank1", tiers=[1, 1, 1])
    every, _ = rows(store, DatasetSpec("preference"), tmp_path)
    drawn, _ = rows(store, DatasetSpec("preference", pairs="one-per-ranking"), tmp_path)
    again, _ = rows(store, DatasetSpec("preference", pairs="one-per-ranking"), tmp_path)
    assert drawn == again
    assert len(drawn) == 8 == len({r["ranking_id"] for r in drawn})
    assert all(r["weight"] == 1.0 for r in drawn)
    keys = {(r["ranking_id"], r["chosen_id"], r["rejected_id"]) for r in every}
    assert {(r["ranking_id"], r["chosen_id"], r["rejected_id"]) for r in drawn} <= keys
    assert len({(r["chosen_id"], r["rejected_id"]) for r in drawn}) > 1


def test_thumbs_come_from_thumbs_tasks_and_from_rankings(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    judge("thumb0", thumbs=[True])
    judge("rank0", "bot", tiers=[1, 2, 3], thumbs=[None, True, False])
    found, note = rows(store, DatasetSpec("unpaired-preference"), tmp_path)
    assert [(r["completion_id"], r["annotator"], r["label"]) for r in found] == [
        ("a0", "ann", True),
        ("b0", "bot", True),
        ("c0", "bot", False),
    ]
    assert found[0]["prompt"] == "Q0"
    assert found[0]["completion"] == " answer a0"
    assert note == "3 thumbs by 2 annotators: 2 up, 1 down."


def test_every_thumb_the_same_is_said(store: Store, judge: Judge, tmp_path: Path) -> None:
    fill(store)
    judge("thumb0", thumbs=[False])
    judge("thumb1", thumbs=[False])
    _, note = rows(store, DatasetSpec("unpaired-preference"), tmp_path)
    assert "Every thumb is down" in note


def test_demonstrations_edits_and_liked_completions_teach(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    ingest(store, completions=[Completion("ed", "p1", " mended", "edit", parent="a1")])
    judge("rank0", tiers=[1, 2, 3], written=[Written("w0", " rewritten", "a0")])
    judge("rank0", "bot", tiers=[1, 1, 2])
    judge("rank1", tiers=[1, 1, 1])
    judge("thumb0", thumbs=[True])
    judge("thumb1", thumbs=[True])
    judge("thumb1", "bot", thumbs=[False])
    judge("thumb2", thumbs=[True])

    plain, note = rows(store, DatasetSpec("prompt-completion"), tmp_path)
    assert [(r["prompt"], r["completion"], r["origin"], r["split"]) for r in plain] == [
        ("Q0", " shown 0", "human", "train"),
        ("Q0", " rewritten", "edit", "train"),
        ("Q1", " mended", "edit", "train"),
        ("Q2", " shown 2", "human", "validation"),
    ]
    assert note == "2 demonstrations and 2 edits."

    def liked(*include: Any) -> list[str]:
        spec = DatasetSpec("prompt-completion", include=list(include))
        return [r["completion"] for r in rows(store, spec, tmp_path)[0] if r["origin"] == "model"]

    assert liked("thumbs-up") == [" answer a0", " answer a2"]
    # b0 is best in one of the two rankings only; in rank1 nothing is better than anything.
    assert liked("best-ranked") == [" answer a0"]
    assert liked("thumbs-up", "best-ranked") == [" answer a0", " answer a2"]


def test_filters_by_split_annotator_run_and_number(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    for number in range(4):
        judge(f"rank{number}", "ann", tiers=[1, 2, None])
        judge(f"rank{number}", "bot", tiers=[2, 1, None])

    def pairs(**spec: Any) -> list[tuple[str, str]]:
        found, _ = rows(store, DatasetSpec("preference", **spec), tmp_path)
        return [(r["chosen_id"], r["annotator"]) for r in found]

    assert {c[1] for c, _ in pairs()} == {"0", "1", "2"}
    assert {c[1] for c, _ in pairs(splits=["test"])} == {"3"}
    assert {a for _, a in pairs(annotators=["bot"])} == {"bot"}
    assert {c[1] for c, _ in pairs(runs=["generate-0"])} == {"0", "2"}
    assert {c[1] for c, _ in pairs(limit=2)} == {"0", "1"}
    only, _ = rows(store, DatasetSpec("rankings", runs=["generate-1"]), tmp_path)
    assert {r["task_id"] for r in only} == {"rank1"}
    prompts, note = rows(store, DatasetSpec("prompt-only", limit=2), tmp_path)
    assert [r["prompt"] for r in prompts] == ["Q0", "Q1"]
    assert note == "2 prompts."


def test_messages_stay_messages(store: Store, judge: Judge, tmp_path: Path) -> None:
    fill(store, chat=True)
    judge("rank0", tiers=[1, 2, None], written=[Written("w0", "typed as text", "a0")])
    judge("thumb0", thumbs=[True])
    pair = rows(store, DatasetSpec("preference"), tmp_path)[0][0]
    assert pair["prompt"] == [{"role": "user", "content": "Q0"}]
    assert pair["chosen"] == [{"role": "assistant", "content": " answer a0"}]
    assert pair["rejected"] == [{"role": "assistant", "content": " answer b0"}]
    thumb = rows(store, DatasetSpec("unpaired-preference"), tmp_path)[0][0]
    assert thumb["completion"] == [{"role": "assistant", "content": " answer a0"}]
    taught = rows(store, DatasetSpec("prompt-completion"), tmp_path)[0]
    assert taught[1]["completion"] == [{"role": "assistant", "content": "typed as text"}]
    assert rows(store, DatasetSpec("prompt-only"), tmp_path)[0][0]["prompt"] == pair["prompt"]


def test_a_text_prompt_takes_a_completion_of_messages_as_text(store: Store, tmp_path: Path) -> None:
    ingest(
        store,
        prompts=[Prompt("p", "Q")],
        completions=[
            Completion("c", "p", [Message("assistant", " A")], "human", demonstration=True)
        ],
    )
    assert rows(store, DatasetSpec("prompt-completion"), tmp_path)[0][0]["completion"] == " A"


def test_a_mixture_is_refused_with_counts_and_one_form_can_be_chosen(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    fill(store, chat=True, name="m")
    judge("rank0", tiers=[1, 2, None])
    judge("mrank0", tiers=[1, 2, 3])
    with pytest.raises(InputError, match="1 row of plain text with 3 rows of messages") as refused:
        write_export(store, DatasetSpec("preference"), "parquet", tmp_path)
    assert "--form" in refused.value.hint
    text, note = rows(store, DatasetSpec("preference", form="text"), tmp_path)
    assert [r["prompt"] for r in text] == ["Q0"]
    assert "3 prompts in the form of messages left out." in note
    chat, _ = rows(store, DatasetSpec("preference", form="messages"), tmp_path)
    assert len(chat) == 3
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("preference", "ranked pairs"),
        ("unpaired-preference", "thumbs"),
        ("prompt-completion", "demonstrations"),
        ("prompt-only", "prompts"),
        ("rankings", "judgements"),
    ],
)
def test_an_empty_data_set_says_how_to_get_one(
    store: Store, tmp_path: Path, kind: Any, says: str
) -> None:
    with pytest.raises(NothingToDo, match=f"no {says} yet") as empty:
        write_export(store, DatasetSpec(kind), "jsonl", tmp_path)
    assert "rlhf-tui" in empty.value.hint
    assert empty.value.exit_code == 6


def test_no_pairs_because_of_ties_is_said(store: Store, judge: Judge, tmp_path: Path) -> None:
    fill(store)
    judge("rank0", tiers=[1, 1, 1])
    with pytest.raises(NothingToDo, match="3 ties left out"):
        write_export(store, DatasetSpec("preference"), "jsonl", tmp_path)


@pytest.mark.parametrize("chat", [False, True], ids=["text", "messages"])
def test_datasets_loads_every_kind_unchanged(
    store: Store, judge: Judge, tmp_path: Path, chat: bool
) -> None:
    datasets = pytest.importorskip("datasets")
    fill(store, chat=chat)
    judge("rank0", tiers=[1, 2, 3], thumbs=[None, True, False], aspects={"a": 1})
    judge("rank1", kind="skip", reason="too long")
    expected = {
        "preference": {"prompt", "chosen", "rejected"},
        "unpaired-preference": {"prompt", "completion", "label"},
        "prompt-completion": {"prompt", "completion"},
        "prompt-only": {"prompt"},
        "rankings": {
            "shown",
            "tiers",
            "both_bad",
            "unsure",
            "strength",
            "active_ms",
            "completions",
        },
    }
    for kind, columns in expected.items():
        by_format = {}
        for file_format, builder in (("parquet", "parquet"), ("jsonl", "json")):
            made = write_export(store, DatasetSpec(kind), file_format, tmp_path)  # type: ignore[arg-type]
            loaded = datasets.load_dataset(
                builder, data_files=str(made.path), split="train", cache_dir=str(tmp_path / "hf")
            )
            assert columns <= set(loaded.column_names)
            assert len(loaded) == made.rows
            by_format[file_format] = loaded.to_list()
        assert by_format["parquet"] == by_format["jsonl"]
        if kind == "preference":
            side = by_format["parquet"][0]["chosen"]
            assert side == (
                [{"role": "assistant", "content": " answer a0"}] if chat else " answer a0"
            )
