"""What is laid out for a push: names become numbers, and only named files go."""

from __future__ import annotations

from pathlib import Path

import pyarrow
import pytest

from rlhf_tui.errors import NothingToDo
from rlhf_tui.publishing.staging import numbered, stage_model


def test_an_annotator_has_one_number_in_all_splits() -> None:
    numbers: dict[str, str] = {}
    first = numbered(
        pyarrow.table({"annotator": ["bo", "al", "bo", None], "x": [1, 2, 3, 4]}), numbers
    )
    assert first.to_pydict() == {
        "annotator": ["annotator-1", "annotator-2", "annotator-1", None],
        "x": [1, 2, 3, 4],
    }
    second = numbered(pyarrow.table({"annotators": [["al", "cy"], [], None]}), numbers)
    assert second.to_pydict() == {"annotators": [["annotator-2", "annotator-3"], [], None]}


def test_rankings_name_nobody() -> None:
    table = pyarrow.table(
        {
            "annotator": ["al"],
            "acting_uid": [1000],
            "task": [{"kind": "rank", "assignee": "al"}],
            "tiers": [[1, 2]],
        }
    )
    made = numbered(table, {})
    assert made.schema == table.schema
    assert made.to_pylist() == [
        {
            "annotator": "annotator-1",
            "acting_uid": -1,
            "task": {"kind": "rank", "assignee": "annotator-1"},
            "tiers": [1, 2],
        }
    ]


def test_only_what_a_model_needs_goes(tmp_path: Path) -> None:
    model, folder = tmp_path / "model", tmp_path / "out"
    model.mkdir()
    folder.mkdir()
    kept = {"model.safetensors", "config.json", "tokenizer.json", "rendering.json", "merges.txt"}
    for name in (*kept, "training_args.bin", "rlhf.toml", ".env", "optimizer.pt", "notes.txt"):
        (model / name).write_text(name)
    (model / "checkpoint-1").mkdir()
    stage_model(model, folder, "card")
    assert {path.name for path in folder.iterdir()} == kept | {"README.md"}
    assert (folder / "config.json").read_text() == "config.json"


def test_a_model_without_weights(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(NothingToDo, match="holds no weights"):
        stage_model(tmp_path, tmp_path, "card")
