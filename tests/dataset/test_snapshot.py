"""Snapshots: what each kind of run is given, that it never changes, and what refuses it."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from dataset.world import Judge, fill

from rlhf_tui.config.options import (
    DPOOptions,
    GenerateOptions,
    KTOOptions,
    PPOOptions,
    RewardOptions,
    ScoreOptions,
    SFTOptions,
)
from rlhf_tui.dataset.export import write_export
from rlhf_tui.dataset.snapshot import Manifest, write_snapshot
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.errors import HubError, InputError, NothingToDo, UsageError
from rlhf_tui.records import Prompt
from rlhf_tui.store.backup import backup
from rlhf_tui.store.database import Store, StoreFull
from rlhf_tui.store.write import ingest


def table(directory: Path, split: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(directory / f"{split}.parquet").to_pylist()
    return found


def test_a_reward_model_gets_pairs_by_split_and_never_the_test_split(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    for number in range(4):
        judge(f"rank{number}", tiers=[1, 2, 3])
    directory = tmp_path / "rm-0001" / "dataset"
    manifest = write_snapshot(store, "rm", RewardOptions(), directory)
    assert manifest.rows == {"train": 6, "validation": 3}
    assert {r["prompt"] for r in table(directory, "train")} == {"Q0", "Q1"}
    assert {r["prompt"] for r in table(directory, "validation")} == {"Q2"}
    assert table(directory, "train")[0].keys() >= {
        *("prompt", "chosen", "rejected", "weight", "ranking_id", "prompt_id", "annotator")
    }
    assert manifest.last_seq == 4
    assert manifest.notes[:2] == [
        "9 pairs from 3 rankings by 1 annotator.",
        "6 rows to train on, 3 to validate.",
    ]


def test_it_is_written_down_and_cannot_change(store: Store, judge: Judge, tmp_path: Path) -> None:
    fill(store)
    judge("rank0", tiers=[1, 2, 3])
    directory = tmp_path / "dataset"
    manifest = write_snapshot(store, "rm", RewardOptions(pairs="one-per-ranking"), directory)
    read_back = msgspec.json.decode((directory / "manifest.json").read_bytes(), type=Manifest)
    assert read_back == manifest
    assert read_back.spec.pairs == "one-per-ranking"
    assert sorted(p.name for p in directory.iterdir()) == [
        *("manifest.json", "train.parquet", "validation.parquet")
    ]
    for name, digest in manifest.sha256.items():
        assert hashlib.sha256((directory / name).read_bytes()).hexdigest() == digest
    for file in directory.iterdir():
        assert not file.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    assert "nothing to validate on" in manifest.notes[-1]
    judge("rank1", tiers=[1, 2, 3])
    with pytest.raises(UsageError, match="never changed"):
        write_snapshot(store, "rm", RewardOptions(), directory)


def test_sft_gets_demonstrations_and_what_is_included(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    judge("thumb1", thumbs=[True])
    manifest = write_snapshot(store, "sft", SFTOptions(include=["thumbs-up"]), tmp_path / "sft")
    assert manifest.rows == {"train": 2, "validation": 1}
    assert [(r["completion"], r["origin"]) for r in table(tmp_path / "sft", "train")] == [
        (" shown 0", "human"),
        (" answer a1", "model"),
    ]


def test_ppo_gets_the_prompts_of_both_labelling_splits(store: Store, tmp_path: Path) -> None:
    fill(store, chat=True)
    manifest = write_snapshot(store, "ppo", PPOOptions(), tmp_path / "ppo")
    assert manifest.rows == {"train": 2, "validation": 1}
    assert manifest.form == "messages"
    first = table(tmp_path / "ppo", "train")[0]
    assert first["prompt"] == [{"role": "user", "content": "Q0"}]
    assert first["prompt_id"] == "p0"


@pytest.mark.parametrize(
    ("split", "limit", "expected"),
    [
        ("labelling", 0, ["p0", "p1", "p2"]),
        ("all", 0, ["p0", "p1", "p2", "p3"]),
        ("test", 0, ["p3"]),
        ("train", 1, ["p0"]),
    ],
)
def test_generate_gets_one_file_of_the_prompts_asked_for(
    store: Store, tmp_path: Path, split: Any, limit: int, expected: list[str]
) -> None:
    fill(store)
    options = GenerateOptions(split=split, limit=limit)
    manifest = write_snapshot(store, "generate", options, tmp_path / "g")
    assert manifest.rows == {"train": len(expected)}
    assert [r["prompt_id"] for r in table(tmp_path / "g", "train")] == expected


def test_score_gets_the_completions_of_a_run_whatever_their_split(
    store: Store, tmp_path: Path
) -> None:
    fill(store)
    options = ScoreOptions(completions="generate-1")
    write_snapshot(store, "score", options, tmp_path / "s")
    found = table(tmp_path / "s", "train")
    assert [r["completion_id"] for r in found] == ["a1", "b1", "c1", "a3", "b3", "c3"]
    assert found[0]["prompt"] == "Q1"
    assert found[0]["completion"] == " answer a1"
    # What was cut at its longest has no EOS whose log-probability could count.
    assert "finish_reason" in found[0]


@pytest.mark.parametrize(
    ("kind", "options", "says", "hint"),
    [
        ("rm", RewardOptions(), "no ranked pairs", "rlhf-tui label"),
        ("sft", SFTOptions(), "no demonstrations", "--include"),
        ("ppo", PPOOptions(), "no prompts", "rlhf-tui import"),
        ("generate", GenerateOptions(split="test"), "no prompts yet in the split test", "import"),
        ("score", ScoreOptions(completions="generate-9"), "generate-9", "generate run"),
    ],
)
def test_a_run_without_data_is_refused_and_leaves_nothing(
    store: Store, tmp_path: Path, kind: Any, options: Any, says: str, hint: str
) -> None:
    with pytest.raises(NothingToDo, match=says) as refused:
        write_snapshot(store, kind, options, tmp_path / "run" / "dataset")
    assert hint in refused.value.hint
    assert not (tmp_path / "run" / "dataset").exists()


def test_scoring_needs_a_run(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Which completions"):
        write_snapshot(store, "score", ScoreOptions(), tmp_path / "s")


def test_data_in_the_validation_split_only_are_refused(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    judge("rank2", tiers=[1, 2, 3])
    with pytest.raises(NothingToDo, match="validation split"):
        write_snapshot(store, "rm", RewardOptions(), tmp_path / "rm")


def test_a_mixture_is_refused_and_a_form_can_be_chosen(store: Store, tmp_path: Path) -> None:
    fill(store)
    fill(store, chat=True, name="m")
    with pytest.raises(InputError, match="mix"):
        write_snapshot(store, "ppo", PPOOptions(), tmp_path / "ppo")
    manifest = write_snapshot(store, "ppo", PPOOptions(form="messages"), tmp_path / "ppo")
    assert manifest.rows == {"train": 2, "validation": 1}


def test_a_file_that_cannot_be_written_leaves_no_half_snapshot(
    store: Store, tmp_path: Path
) -> None:
    fill(store)
    directory = tmp_path / "dataset"
    (directory / "train.parquet").mkdir(parents=True)
    with pytest.raises(HubError, match=r"train\.parquet cannot be written"):
        write_snapshot(store, "generate", GenerateOptions(), directory)
    assert not (directory / "manifest.json").exists()
    assert not list(directory.glob(".*.part"))


def test_a_full_disk_is_a_sentence_and_leaves_nothing(store: Store, full_disk: Path) -> None:
    texts = [os.urandom(20_000).hex() for _ in range(100)]
    ingest(store, prompts=[Prompt(f"p{i}", text) for i, text in enumerate(texts)])
    for write in (
        lambda: write_snapshot(store, "generate", GenerateOptions(), full_disk / "r" / "dataset"),
        lambda: write_export(store, DatasetSpec("prompt-only"), "jsonl", full_disk),
        lambda: backup(store, full_disk / "copy.duckdb"),
    ):
        with pytest.raises(StoreFull, match="no room left"):
            write()
    assert [p for p in full_disk.rglob("*") if p.is_file()] == []
    # The store itself, on another disk, goes on.
    ingest(store, prompts=[Prompt("one more", "x")])


def test_kto_gets_thumbs_of_both_kinds_and_is_refused_those_of_one(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    judge("thumb0", thumbs=[True])
    judge("thumb2", thumbs=[False])
    with pytest.raises(NothingToDo, match="All 1 thumbs to train on are up"):
        write_snapshot(store, "kto", KTOOptions(), tmp_path / "kto")
    assert not (tmp_path / "kto").exists()
    judge("thumb1", thumbs=[False])
    manifest = write_snapshot(store, "kto", KTOOptions(), tmp_path / "kto")
    assert manifest.rows == {"train": 2, "validation": 1}
    assert [row["label"] for row in table(tmp_path / "kto", "train")] == [True, False]


def test_kto_thumbs_of_several_people_are_decided(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    judge("thumb0", thumbs=[True])
    judge("thumb0", thumbs=[True], annotator="bot")
    judge("thumb1", thumbs=[False])
    judge("thumb1", thumbs=[True], annotator="bot")
    with pytest.raises(NothingToDo, match="are up"):
        write_snapshot(store, "kto", KTOOptions(aggregate="majority"), tmp_path / "kto")
    write_snapshot(store, "kto", KTOOptions(), tmp_path / "kto")
    assert len(table(tmp_path / "kto", "train")) == 4


def test_dpo_gets_pairs_by_ranking_without_ties(store: Store, judge: Judge, tmp_path: Path) -> None:
    fill(store)
    judge("rank0", tiers=[1, 2, 2])
    judge("rank1", tiers=[1, 2, 3])
    manifest = write_snapshot(store, "dpo", DPOOptions(), tmp_path / "dpo")
    rows = table(tmp_path / "dpo", "train")
    assert [(r["chosen"], r["rejected"]) for r in rows[:2]] == [
        (" answer a0", " answer b0"),
        (" answer a0", " answer c0"),
    ]
    assert [r["weight"] for r in rows] == pytest.approx([1 / 2] * 2 + [1 / 3] * 3)
    assert "1 tie left out" in manifest.notes[0]
    one = write_snapshot(store, "dpo", DPOOptions(pairs="one-per-ranking"), tmp_path / "one")
    assert one.rows["train"] == 2
