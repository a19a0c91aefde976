"""`--dataset FILE`: the snapshot of a run from a file that import knows, and what refuses it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest

from rlhf_tui.config.options import (
    OPTIONS,
    DPOOptions,
    EvaluateOptions,
    KTOOptions,
    Options,
    PPOOptions,
    RewardOptions,
    SFTOptions,
)
from rlhf_tui.config.settings import WorkspaceSettings
from rlhf_tui.dataset.file_process import make
from rlhf_tui.dataset.from_file import Request, from_file, located, snapshot_from_file
from rlhf_tui.dataset.snapshot import MANIFEST, Manifest
from rlhf_tui.errors import InputError, NothingToDo, UsageError
from rlhf_tui.records import split_of
from rlhf_tui.runs import reading
from rlhf_tui.runs.layout import RunArguments, RunKind, write_atomic

ALL_TRAIN = WorkspaceSettings(validation=0.0, test=0.0)
SPLIT = WorkspaceSettings(seed=3, validation=0.25, test=0.25)


def write(path: Path, rows: Iterable[dict[str, Any] | str]) -> Path:
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def pairs(number: int) -> list[dict[str, Any]]:
    return [{"prompt": f"Q{i}", "chosen": f" yes {i}", "rejected": " no"} for i in range(number)]


def demonstrations(number: int) -> list[dict[str, Any]]:
    return [{"prompt": f"Q{i}", "completion": f" answer {i}"} for i in range(number)]


def thumbs(number: int) -> list[dict[str, Any]]:
    return [{"prompt": f"Q{i}", "completion": " so", "label": i % 2 == 0} for i in range(number)]


def snapshot(
    run: Path, kind: RunKind, options: Options, rules: WorkspaceSettings = ALL_TRAIN
) -> Manifest:
    """What the process of `snapshot_from_file` does, without the process."""
    scratch = run.with_name(f"{run.name}.reading")
    scratch.mkdir()
    request = Request(kind, msgspec.to_builtins(options), str(run / "dataset"), rules)
    made = make(scratch, request).manifest
    assert made is not None
    return made


def table(run: Path, split: str = "train") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pq.read_table(run / "dataset" / f"{split}.parquet").to_pylist()
    return found


def test_pairs_make_a_reward_models_data_and_the_manifest_names_the_file(tmp_path: Path) -> None:
    file = write(tmp_path / "pairs.jsonl", [*pairs(3), {"prompt": "Q", "chosen": 1}, "{"])
    run = tmp_path / "rm-0001"
    options = RewardOptions(dataset=str(file))
    manifest = snapshot_from_file("rm", options, run / "dataset", ALL_TRAIN)
    assert [(r["prompt"], r["chosen"], r["rejected"], r["weight"]) for r in table(run)] == [
        (f"Q{i}", f" yes {i}", " no", 1.0) for i in range(3)
    ]
    source = manifest.source
    assert source is not None
    assert (source.path, source.format, source.rows, source.rejected) == (
        *(str(file), "preference", 3, 2),
    )
    assert source.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    stored = msgspec.json.decode((run / "dataset" / MANIFEST).read_bytes(), type=Manifest)
    assert stored == manifest
    rejects = (run / "dataset" / "rejects.jsonl").read_text().splitlines()
    assert [json.loads(line)["line"] for line in rejects] == [4, 5]
    assert any("2 rows rejected (line 4: no rejected)" in note for note in manifest.notes)
    assert sorted(path.name for path in run.iterdir()) == ["dataset"]


def test_rows_fall_into_the_splits_of_the_workspaces_rule(tmp_path: Path) -> None:
    file = write(tmp_path / "pairs.jsonl", pairs(40))
    run = tmp_path / "dpo-0001"
    manifest = snapshot(run, "dpo", DPOOptions(dataset=str(file)), SPLIT)
    tested = 40 - sum(manifest.rows.values())
    assert tested > 0
    assert f"{tested} of the test split left out: only evaluation reads it." in manifest.notes
    for split in ("train", "validation"):
        wanted = {f"Q{i}" for i in range(40) if split_of(f"Q{i}", 3, 0.25, 0.25) == split}
        assert {row["prompt"] for row in table(run, split)} == wanted


@pytest.mark.parametrize(
    ("kind", "rows", "columns"),
    [
        ("sft", demonstrations(2), {"prompt": "Q1", "completion": " answer 1"}),
        ("kto", thumbs(2), {"prompt": "Q1", "completion": " so", "label": False}),
        ("ppo", pairs(2), {"prompt": "Q1"}),
        ("grpo", [{"prompt": f"Q{i}"} for i in range(2)], {"prompt": "Q1"}),
    ],
)
def test_each_trainer_gets_its_own_kind_of_rows(
    tmp_path: Path, kind: RunKind, rows: list[dict[str, Any]], columns: dict[str, Any]
) -> None:
    file = write(tmp_path / "data.jsonl", rows)
    run = tmp_path / f"{kind}-0001"
    manifest = snapshot(run, kind, OPTIONS[kind](dataset=str(file)))  # type: ignore[call-arg]
    assert manifest.rows["train"] == 2
    assert table(run)[1].items() >= columns.items()


def test_a_format_can_be_named(tmp_path: Path) -> None:
    file = write(tmp_path / "lines.jsonl", demonstrations(2))
    run = tmp_path / "ppo-0001"
    options = PPOOptions(dataset=str(file), dataset_format="prompt-only")
    assert snapshot(run, "ppo", options).rows["train"] == 2
    with pytest.raises(UsageError, match=r"no format 'prompt-onli'.*'prompt-only'"):
        snapshot(
            tmp_path / "other", "ppo", PPOOptions(dataset=str(file), dataset_format="prompt-onli")
        )


@pytest.mark.parametrize(
    ("kind", "options", "rows", "words"),
    [
        ("sft", SFTOptions, pairs(3), ["no demonstrations", "3 preference pairs", "train rm"]),
        ("rm", RewardOptions, demonstrations(2), ["no preference pairs", "train sft"]),
        ("kto", KTOOptions, pairs(2), ["no thumbs", "train kto needs", "train dpo"]),
    ],
)
def test_a_file_for_another_trainer_names_that_one(
    tmp_path: Path, kind: RunKind, options: Any, rows: list[dict[str, Any]], words: list[str]
) -> None:
    file = write(tmp_path / "data.jsonl", rows)
    with pytest.raises(NothingToDo) as refused:
        snapshot(tmp_path / "run", kind, options(dataset=str(file)))
    for word in words:
        assert word in str(refused.value)
    assert not (tmp_path / "run").exists()


def test_what_the_process_refuses_arrives_as_the_error_that_it_is(tmp_path: Path) -> None:
    file = write(tmp_path / "pairs.jsonl", pairs(3))
    with pytest.raises(NothingToDo) as refused:
        options = SFTOptions(dataset=str(file))
        snapshot_from_file("sft", options, tmp_path / "run" / "dataset", ALL_TRAIN)
    assert "holds no demonstrations" in refused.value.message
    assert refused.value.hint.startswith("It fits: train rm, train dpo")
    assert [*(tmp_path / "run").iterdir()] == []


def test_a_file_that_falls_into_validation_alone_says_so(tmp_path: Path) -> None:
    held = next(i for i in range(100) if split_of(f"Q{i}", 3, 0.25, 0.25) == "validation")
    file = write(tmp_path / "one.jsonl", [pairs(100)[held]])
    with pytest.raises(NothingToDo, match=r"train split: 1 in validation.*other prompts"):
        snapshot(tmp_path / "run", "rm", RewardOptions(dataset=str(file)), SPLIT)


def test_what_the_options_leave_out_is_not_called_missing(tmp_path: Path) -> None:
    file = write(tmp_path / "pairs.jsonl", pairs(3))
    options = RewardOptions(dataset=str(file), aggregate="majority", min_judgements=2)
    with pytest.raises(NothingToDo, match=r"leave nothing of the 3 preference pairs"):
        snapshot(tmp_path / "run", "rm", options)


def test_a_file_of_which_no_row_can_be_taken_gives_reasons(tmp_path: Path) -> None:
    file = write(tmp_path / "bad.jsonl", [{"prompt": 1, "chosen": "a", "rejected": "b"}] * 5)
    with pytest.raises(InputError, match=r"No row of .*bad.jsonl.*line 1: .*line 2: "):
        snapshot(tmp_path / "run", "rm", RewardOptions(dataset=str(file)))


def trained(run: Path, file: Path) -> Path:
    """A reward model's run, as far as an evaluation looks at it."""
    snapshot(run, "rm", RewardOptions(dataset=str(file)), SPLIT)
    arguments = msgspec.to_builtins(RewardOptions(dataset=str(file)))
    write_atomic(run / "args.json", RunArguments("rm-0001", "rm", arguments))
    (run / "model").mkdir()
    return run / "model"


def test_an_evaluation_takes_all_of_a_file_but_only_a_split_of_what_was_learnt(
    tmp_path: Path,
) -> None:
    learnt = write(tmp_path / "learnt.jsonl", pairs(40))
    other = write(tmp_path / "other.jsonl", pairs(8))
    model = str(trained(tmp_path / "rm-0001", learnt))

    def measured(run: str, file: Path) -> Manifest:
        options = EvaluateOptions(model=model, dataset=str(file))
        return snapshot(tmp_path / run, "evaluate", options, SPLIT)

    whole = measured("evaluate-0001", other)
    assert whole.rows == {"test": 8}
    assert "All rows of the file" in whole.notes[-1]
    held_out = {f"Q{i}" for i in range(40) if split_of(f"Q{i}", 3, 0.25, 0.25) == "test"}
    part = measured("evaluate-0002", learnt)
    assert {row["prompt"] for row in table(tmp_path / "evaluate-0002", "test")} == held_out
    assert "only its test split" in part.notes[-1]


def test_a_path_is_seen_from_where_the_launch_was_given(tmp_path: Path) -> None:
    file = write(tmp_path / "pairs.jsonl", pairs(1))
    found = located(RewardOptions(dataset="pairs.jsonl"), tmp_path)
    assert isinstance(found, RewardOptions)
    assert found.dataset == str(file)
    assert from_file(found)
    assert not from_file(RewardOptions())
    with pytest.raises(InputError, match=r"gone\.jsonl"):
        located(RewardOptions(dataset="gone.jsonl"), tmp_path)


def test_how_far_a_reading_is_can_be_seen_from_outside(tmp_path: Path) -> None:
    file = tmp_path / "big.jsonl"
    scratch = tmp_path / "runs" / "rm-0001" / reading.SCRATCH
    scratch.mkdir(parents=True)
    assert reading.rows_read(tmp_path / "runs", file) == 0
    reading.tell(scratch, reading.Progress(str(file), 20_000))
    assert reading.rows_read(tmp_path / "runs", file) == 20_000
    assert reading.rows_read(tmp_path / "runs", tmp_path / "other.jsonl") == 0
