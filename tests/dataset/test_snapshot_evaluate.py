"""The data of evaluate runs: a held-out split of what the measured model's run learnt from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pyarrow.parquet as pq
import pytest
from dataset.world import Judge, fill

from rlhf_tui.config.options import OPTIONS, EvaluateOptions
from rlhf_tui.dataset.snapshot import write_snapshot
from rlhf_tui.errors import NothingToDo
from rlhf_tui.runs.evaluated import evaluated
from rlhf_tui.runs.layout import RunArguments, write_atomic
from rlhf_tui.store.database import Store


def made_by(directory: Path, kind: Any, **arguments: Any) -> str:
    """A model folder of a run of a kind, without a model."""
    (directory / "model").mkdir(parents=True)
    given = msgspec.to_builtins(OPTIONS[kind](**arguments))
    write_atomic(directory / "args.json", RunArguments(directory.name, kind, given))
    return str(directory / "model")


@pytest.mark.parametrize(
    ("kind", "columns", "rows"),
    [
        ("rm", {"chosen", "rejected", "weight"}, 3),
        ("dpo", {"chosen", "rejected", "weight"}, 3),
        ("kto", {"completion", "label"}, 1),
        ("sft", {"completion"}, 0),
        ("ppo", {"prompt"}, 1),
    ],
)
@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_rows_are_those_of_the_models_kind(
    store: Store, judge: Judge, tmp_path: Path, kind: str, columns: set[str], rows: int, split: Any
) -> None:
    fill(store)
    for number in range(4):
        judge(f"rank{number}", tiers=[1, 2, 3])
        judge(f"thumb{number}", thumbs=[True])
    options = EvaluateOptions(model=made_by(tmp_path / "x-1", kind), split=split)
    directory = tmp_path / "dataset"
    if kind == "sft" and split == "test":
        with pytest.raises(NothingToDo, match="no demonstrations yet in the split test"):
            write_snapshot(store, "evaluate", options, directory)
        return
    manifest = write_snapshot(store, "evaluate", options, directory)
    assert manifest.rows == {split: rows or 1}
    found = pq.read_table(directory / f"{split}.parquet").to_pylist()
    assert found[0].keys() >= columns
    number = {"validation": 2, "test": 3}[split]
    assert {row["prompt"] for row in found} == {f"Q{number}"}


def test_judgements_are_decided_as_for_its_training(
    store: Store, judge: Judge, tmp_path: Path
) -> None:
    fill(store)
    judge("rank3", tiers=[1, 2, 3])
    judge("rank3", tiers=[1, 3, 2], annotator="bot")
    model = made_by(tmp_path / "rm-1", "rm", aggregate="majority")
    directory = tmp_path / "dataset"
    manifest = write_snapshot(store, "evaluate", EvaluateOptions(model=model), directory)
    assert manifest.rows == {"test": 2}, "one of three pairs is even"
    assert "votes_for" in pq.read_table(directory / "test.parquet").column_names


def test_who_made_a_model(tmp_path: Path) -> None:
    model = Path(made_by(tmp_path / "rm-0003", "rm", pairs="one-per-ranking"))
    found = evaluated(str(model))
    assert (found.kind, found.run_id) == ("rm", "rm-0003")
    assert found.arguments["pairs"] == "one-per-ranking"
    step = tmp_path / "rm-0003" / "checkpoints" / "step-000004"
    step.mkdir(parents=True)
    assert evaluated(str(step)).run_id == "rm-0003"
    for config, kind in (
        ({"architectures": ["LlamaForSequenceClassification"]}, "rm"),
        ({"architectures": ["LlamaForCausalLM"]}, "sft"),
    ):
        (tmp_path / "elsewhere").mkdir(exist_ok=True)
        (tmp_path / "elsewhere" / "config.json").write_text(json.dumps(config))
        assert evaluated(str(tmp_path / "elsewhere")).kind == kind
    assert evaluated("org/name").kind == "sft"
