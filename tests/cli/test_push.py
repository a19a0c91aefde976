"""`push` against a stand-in of the Hugging Face Hub: what is stored there, and read back."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest
import yaml
from helpers import Cli, Result, refused
from helpers.hub_server import WRITER, Hub, serving_hub
from helpers.tiny import save_policy

from rlhf_tui.config.options import SFTOptions
from rlhf_tui.evaluation.model_report import Evaluation
from rlhf_tui.evaluation.report import Figure
from rlhf_tui.runs import layout
from rlhf_tui.runs.layout import ProcessMark, RunArguments, RunExit, RunStatus, write_atomic
from rlhf_tui.store.database import Store
from rlhf_tui.store.write import RunRow, save_run
from rlhf_tui.workspace import Workspace

PAIRS = [
    {"prompt": f"Question {n}?", "chosen": f" good {n}", "rejected": f" bad {n}"} for n in range(40)
]


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serving_hub() as made:
        yield made


def environment(hub: Hub, token: str = WRITER) -> dict[str, str]:
    return {
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": token,
        "HF_HUB_OFFLINE": "0",
        # The stand-in has the Hub's older storage alone.
        "HF_HUB_DISABLE_XET": "1",
    }


def push(cli: Cli, hub: Hub, *arguments: str, token: str = WRITER) -> Result:
    return cli("push", *arguments, env=environment(hub, token))


def front_matter(card: bytes) -> dict[str, Any]:
    found = yaml.safe_load(card.decode().split("---\n")[1])
    assert isinstance(found, dict)
    return found


def measured(kind: Any, split: Any, perplexity: float) -> Evaluation:
    figure = Figure("perplexity", perplexity, 9.0, 10.0, 30)
    return Evaluation(kind, split, 30, figures=[figure], notes=["Over /home/anna/b.jsonl."])


@pytest.fixture
def trained(workspace: Workspace, cli: Cli) -> Cli:
    """A workspace with a finished SFT run."""
    directory = workspace.runs / "sft-0001"
    save_policy(directory / "model")
    (directory / "model" / "training_args.bin").write_bytes(b"paths of this machine")
    (directory / "dataset").mkdir()
    manifest = {"rows": {"train": 30, "validation": 3}, "notes": ["From /home/anna/a.jsonl."]}
    (directory / "dataset" / "manifest.json").write_text(json.dumps(manifest))
    arguments = {"model": "/home/anna/rlhf_tui/sample_data/model", "epochs": 2.0, "seed": 7}
    made = RunArguments(
        "sft-0001",
        "sft",
        arguments,
        title="Friendly",
        environment={"HF_HOME": "/home/anna/cache"},
        versions={"trl": "1.16.0"},
    )
    assert SFTOptions(**arguments).seed == 7
    write_atomic(directory / layout.ARGS, made)
    mark = ProcessMark(2**22 + 1, 0.0, "elsewhere", "b")
    status = RunStatus("finished", mark, 1.0, 9, 9, metrics={"loss": 2.25})
    write_atomic(directory / layout.STATUS, status)
    write_atomic(directory / layout.EXIT, RunExit(0, None, False, 2.0))
    write_atomic(directory / layout.EVALUATION, measured("sft", "validation", 9.5))
    with Store(workspace.store, workspace.lock) as store:
        save_run(store, RunRow("sft-0001", "sft", "finished", "Friendly", str(directory), 1, 1, 2))
    return cli


LOAD = """
import os, sys, torch
from rlhf_tui.errors import InputError
from rlhf_tui.training import models
def load():
    return models.load_policy("me/friendly", torch.device("cpu"), trained=False)
token = os.environ.pop("HF_TOKEN")
try:
    load()
except InputError as error:
    print(error, file=sys.stderr)
os.environ["HF_TOKEN"] = token
print(load().parameters)
"""


def test_a_model_goes_there_and_comes_back(trained: Cli, hub: Hub, workspace: Workspace) -> None:
    trained("import", rows(trained.cwd / "pairs.jsonl"), "--annotator", "anna").ok()
    done = push(trained, hub, "latest", "me/friendly", "--license", "mit").ok()
    assert done.out.startswith(f"{hub.url}/me/friendly  (private, ")
    stored = hub.repos["models", "me/friendly"]
    assert stored.private and stored.messages == ["The model of sft-0001, by rlhf-tui"]
    model = workspace.runs / "sft-0001" / "model"
    kept = {p.name for p in model.iterdir()} - {"training_args.bin"}
    assert stored.files.keys() == kept | {"README.md"}
    for name in kept:
        assert stored.files[name] == (model / name).read_bytes()
    says_what_it_was_made_of(stored.files["README.md"])
    back = subprocess.run(
        [sys.executable, "-c", LOAD],
        env={**os.environ, **environment(hub)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert back.returncode == 0, back.stderr
    # It is private: without the token nobody has it.
    assert "For a private one set HF_TOKEN" in back.stderr
    assert int(back.stdout) > 1000


def says_what_it_was_made_of(card: bytes) -> None:
    about = front_matter(card)
    assert about["library_name"] == "transformers"
    assert about["pipeline_tag"] == "text-generation"
    assert about["license"] == "mit"
    assert {"trl", "sft", "rlhf-tui"} <= set(about["tags"])
    assert "base_model" not in about
    text = card.decode()
    assert "# Friendly\n" in text
    assert "the small sample model that rlhf-tui brings along" in text
    for row in (
        "| train | 30 |",
        "| loss | 2.25 |",
        "| perplexity | 9.500 | 9.000 to 10.000 | 30 |",
        "| seed | `7` |",
        '| model | `"sample"` |',
        "| trl | 1.16.0 |",
    ):
        assert f"{row}\n" in text
    assert "40 judgements of 40 items (rank) by 1 person." in text
    # No path of this machine, and no name of a person.
    assert "anna" not in text and "/home" not in text
    assert "From a.jsonl." in text and "Over b.jsonl." in text
    assert "## Evaluation on the validation split\n" in text


def rows(path: Path) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in PAIRS))
    return path


def test_a_data_set_goes_there_with_its_splits_and_card(cli: Cli, hub: Hub) -> None:
    cli("import", rows(cli.cwd / "pairs.jsonl"), "--annotator", "anna").ok()
    (cli.cwd / "guidelines.md").write_text("Be kind.\n")
    told = push(cli, hub, "preference", "me/likes", "--public", "--json").ok().json
    assert told["repo"] == "me/likes" and not told["private"]
    stored = hub.repos["datasets", "me/likes"]
    tables = {
        name: pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist()
        for name, data in stored.files.items()
        if name.endswith(".parquet")
    }
    found = [row for table in tables.values() for row in table]
    assert {(r["prompt"], r["chosen"], r["rejected"]) for r in found} == {
        (r["prompt"], r["chosen"], r["rejected"]) for r in PAIRS
    }
    assert {r["annotator"] for r in found} == {"annotator-1"}
    card = stored.files["README.md"]
    about = front_matter(card)
    assert about["size_categories"] == ["n<1K"]
    (config,) = about["configs"]
    assert {file["path"] for file in config["data_files"]} == tables.keys()
    for file in config["data_files"]:
        count = len(tables[file["path"]])
        assert f"| {file['split']} | {count} |\n" in card.decode()
        assert all(row["split"] == file["split"] for row in tables[file["path"]])
    text = card.decode()
    assert "| chosen | `string` |" in text
    assert "Names were replaced by numbers." in text and "anna" not in text
    assert "Version `" in text
    assert "likes" in about["pretty_name"]
    push(cli, hub, "preference", "me/named", "--split", "train", "--names").ok()
    named = hub.repos["datasets", "me/named"].files
    assert named.keys() == {"README.md", "data/train.parquet"}
    table = pyarrow.parquet.read_table(io.BytesIO(named["data/train.parquet"]))
    assert set(table["annotator"].to_pylist()) == {"anna"}


def test_pushed_again_only_what_is_new_stays(trained: Cli, hub: Hub) -> None:
    push(trained, hub, "sft-0001", "me/friendly").ok()
    stored = hub.repos["models", "me/friendly"]
    stored.files["model-00001-of-00002.safetensors"] = b"of an older model"
    stored.files["notes.txt"] = b"a person's"
    stored.files["README.md"] = b"---\nlicense: mit\n---\nMine.\n"
    told = push(trained, hub, "sft-0001", "me/friendly", "-m", "Again").ok()
    assert "model-00001-of-00002.safetensors" not in stored.files
    assert stored.files["notes.txt"] == b"a person's"
    assert stored.files["README.md"] == b"---\nlicense: mit\n---\nMine.\n"
    assert "README.md that somebody wrote" in told.err


def test_what_cannot_be_pushed(trained: Cli, hub: Hub) -> None:
    refused(push(trained, hub, "sft-0009", "me/x"), 2, "no run 'sft-0009'")
    refused(push(trained, hub, "preferense", "me/x"), 2, "neither a run nor", "'preference'?")
    refused(push(trained, hub, "sft-0001", "me/x", "--names"), 2, "--names is for data sets")
    refused(push(trained, hub, "preference", "me/x"), 6)
    assert hub.repos == {}
