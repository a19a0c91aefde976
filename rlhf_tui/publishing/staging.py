"""The folder that goes to the Hub: made anew for each push, of named files and nothing else.

What is not on the list stays here: checkpoints, logs, arguments with paths, settings, keys.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.errors import NothingToDo
from rlhf_tui.exchange import stream_export
from rlhf_tui.hub.client import HubClient
from rlhf_tui.publishing.facts import SplitFile
from rlhf_tui.records import Split

CARD = "README.md"
MODEL_FILES = (
    "*.safetensors",
    "*.safetensors.index.json",
    "adapter_config.json",
    "config.json",
    "generation_config.json",
    "tokenizer*.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.*",
    "merges.txt",
    "*.model",
    "chat_template.jinja",
    "rendering.json",
)
"""What a model needs to be loaded: weights, tokenizer, and how texts were rendered."""
DATA_FILES = "data/*.parquet"
NUMBERED = ("annotator", "annotators")
"""Columns of names; `task.assignee` of rankings is another."""


def stage_model(model: Path, folder: Path, card: str) -> None:
    """Lay out a model's files, as links, with its card.

    Raises:
        NothingToDo: the folder holds no weights.
    """
    chosen = [
        path
        for path in sorted(model.iterdir())
        if path.is_file() and any(fnmatch(path.name, pattern) for pattern in MODEL_FILES)
    ]
    if not any(path.suffix == ".safetensors" for path in chosen):
        raise NothingToDo(f"{model} holds no weights in *.safetensors files.")
    for path in chosen:
        (folder / path.name).symlink_to(path.resolve())
    (folder / CARD).write_text(card, encoding="utf-8")


def stage_data(
    client: HubClient, spec: DatasetSpec, splits: Sequence[Split], folder: Path, *, names: bool
) -> tuple[list[SplitFile], list[tuple[str, str]], list[str]]:
    """Export each split into data/ as Parquet; splits without rows are left out.

    Args:
        names: leave the annotators' names in; else they become annotator-1, annotator-2 ….

    Returns:
        The files, the columns with their types, and the hub's notes on what was left out.

    Raises:
        NothingToDo: no split has rows; as the hub says it of the first.
    """
    import msgspec
    import pyarrow.parquet

    (folder / "data").mkdir()
    files: list[SplitFile] = []
    columns: list[tuple[str, str]] = []
    notes: list[str] = []
    numbers: dict[str, str] = {}
    nothing: NothingToDo | None = None
    for split in splits:
        path = folder / "data" / f"{split}.parquet"
        try:
            with path.open("wb") as file:
                made = stream_export(
                    client, msgspec.structs.replace(spec, splits=[split]), "parquet", file
                )
        except NothingToDo as error:
            nothing = nothing or error
            path.unlink()
            continue
        table = pyarrow.parquet.read_table(path)
        if not names:
            table = numbered(table, numbers)
            pyarrow.parquet.write_table(table, path, compression="zstd")
        columns = columns or [(field.name, str(field.type)) for field in table.schema]
        files.append(SplitFile(split, f"data/{split}.parquet", made.rows))
        if made.note:
            notes.append(f"{split}: {made.note}")
    if not files:
        raise nothing or NothingToDo("There is no split to publish.")
    return files, columns, notes


def numbered(table: Any, numbers: dict[str, str]) -> Any:
    """The table with a number for each annotator's name, the same one in all splits."""
    import pyarrow

    def number(name: str | None) -> str | None:
        if not name:
            return name
        return numbers.setdefault(name, f"annotator-{len(numbers) + 1}")

    def changed(name: str, values: Iterable[Any]) -> list[Any]:
        if name == "annotator":
            return [number(value) for value in values]
        if name == "annotators":
            return [value and [number(each) for each in value] for value in values]
        if name == "task":
            return [value and {**value, "assignee": number(value["assignee"])} for value in values]
        return [-1 for _ in values]

    for place, field in enumerate(table.schema):
        if field.name in (*NUMBERED, "task", "acting_uid"):
            values = changed(field.name, table.column(place).to_pylist())
            table = table.set_column(place, field, pyarrow.array(values, field.type))
    return table
