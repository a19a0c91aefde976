"""Cards: what the Hub reads of them, and what stands in them for people."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
import yaml

from rlhf_tui.config.options import TRAINERS
from rlhf_tui.dataset.spec import DatasetKind
from rlhf_tui.evaluation.model_report import Bin, Evaluation, HumanReference, Pairs
from rlhf_tui.evaluation.report import Figure
from rlhf_tui.publishing.cards import MARK, METHODS, dataset_card, model_card
from rlhf_tui.publishing.facts import (
    Agreement,
    DatasetFacts,
    ModelFacts,
    SplitFile,
    arguments_without_paths,
    without_paths,
)

AGREED = Agreement(
    "rank", 7, 12, 2, [Figure("raw", 0.75, 0.5, 0.9, 8, "Ties are left out."), Figure("none")]
)
MODEL = ModelFacts(
    repo="me/m",
    run_id="ppo-0002",
    kind="ppo",
    title="",
    adapter=False,
    base_model="org/base",
    base="org/base",
    lineage=[("started from", "sft-0001"), ("reward model", "rm-0001")],
    arguments={"kl_coef": 0.3, "rewards": ["a|b"]},
    versions={"torch": "2"},
    rows={"train": 1200},
    data_notes=["1,200 prompts."],
    agreement=[AGREED],
    metrics={"objective/kl": 4.0, "odd": float("nan")},
    evaluations=[],
)
DATA = DatasetFacts(
    repo="me/d",
    kind="preference",
    splits=[SplitFile("train", "data/train.parquet", 999), SplitFile("test", "t.parquet", 1)],
    columns=[("chosen", "string")],
    notes=["train: 3 ties left out."],
    agreement=[AGREED],
    guidelines="ab12",
    nameless=True,
)


def parts(card: str) -> tuple[dict[str, Any], str]:
    start, front, text = card.split("---\n", 2)
    assert start == "" and text.startswith(MARK)
    return yaml.safe_load(front), text


@pytest.mark.parametrize("kind", TRAINERS)
@pytest.mark.parametrize("adapter", [False, True])
def test_what_the_hub_reads_of_a_model(kind: str, adapter: bool) -> None:
    front, text = parts(model_card(msgspec.structs.replace(MODEL, kind=kind, adapter=adapter)))
    assert front["base_model"] == "org/base"
    assert front["library_name"] == ("peft" if adapter else "transformers")
    assert front["pipeline_tag"] == ("text-classification" if kind == "rm" else "text-generation")
    assert kind in front["tags"]
    # PPO is ours; TRL has none.
    assert ("trl" in front["tags"]) is (kind != "ppo")
    assert METHODS[kind] in text
    assert ("AutoPeftModelFor" in text) is adapter
    assert "license" not in front and "None is given" in text


def test_what_people_read_of_a_model() -> None:
    _, text = parts(model_card(MODEL))
    for line in (
        "# m",
        "- base model: [org/base](https://hf.co/org/base)",
        "- started from: the run `sft-0001`",
        "- reward model: the run `rm-0001`",
        "| train | 1,200 |",
        "1,200 prompts.",
        "| rank | raw | 0.750 | 0.500 to 0.900 | 8 |",
        "- raw: Ties are left out.",
        "| objective/kl | 4 |",
        "| kl_coef | `0.3` |",
        '| rewards | `["a\\|b"]` |',
        "| torch | 2 |",
    ):
        assert f"\n{line}\n" in text
    assert "12 judgements of 7 items (rank) by 2 people." in text
    # What could not be computed stands nowhere as a number.
    assert "nan" not in text and "None |" not in text and "odd" not in text


def test_held_out_figures_stand_beside_what_people_reach() -> None:
    pairs = Pairs(
        50, 20, Figure("accuracy", 0.8, 0.7, 0.9, 50), f1=0.79, ece=0.05,
        reliability=[Bin(0.5, 0.6, 20, 0.55, 0.6), Bin(0.9, 1.0, 0)],
    )  # fmt: skip
    human = HumanReference(Figure("raw", 0.7), 0.82, "People agree in 70 % of pairs.")
    measured = Evaluation("rm", "test", 50, preference=pairs, human=human, notes=["By prompts."])
    _, text = parts(model_card(msgspec.structs.replace(MODEL, kind="rm", evaluations=[measured])))
    assert "## Evaluation on the test split\n\n50 rows.\n" in text
    for line in (
        "| accuracy | 0.800 | 0.700 to 0.900 | 50 |",
        "| f1 | 0.79 |",
        "| ece | 0.05 |",
        "| 0.50 to 0.60 | 20 | 0.550 | 0.600 |",
        "People agree in 70 % of pairs.",
        "By prompts.",
    ):
        assert f"{line}\n" in text
    assert "0.90 to 1.00" not in text


@pytest.mark.parametrize("kind", get_args(DatasetKind))
def test_what_the_hub_reads_of_a_data_set(kind: Any) -> None:
    front, text = parts(dataset_card(msgspec.structs.replace(DATA, kind=kind, license="mit")))
    assert front["license"] == "mit"
    assert front["size_categories"] == ["1K<n<10K"]
    assert kind in front["tags"]
    (config,) = front["configs"]
    assert config["data_files"] == [
        {"split": "train", "path": "data/train.parquet"},
        {"split": "test", "path": "t.parquet"},
    ]
    for line in ("| train | 999 |", "| chosen | `string` |", "train: 3 ties left out."):
        assert f"\n{line}\n" in text
    assert "Version `ab12`" in text
    assert "Names were replaced by numbers." in text


def test_paths_are_cut_to_their_last_part() -> None:
    assert without_paths("Read /home/me/a b.jsonl.") == "Read a b.jsonl."
    assert without_paths("1/2 of https://h/x/y and and/or a/b") == (
        "1/2 of https://h/x/y and and/or a/b"
    )


def test_rewards_are_told_without_paths() -> None:
    given = [
        "1.0*/w/runs/rm-0001/model",
        "-0.5*/models/mood#POSITIVE",
        "0.2*my_rewards:politeness",
        "org/name#GOOD",
    ]
    shown = arguments_without_paths({"rewards": given, "reward_model": "/w/x"}, {})
    assert shown["reward_model"] == "x"
    assert shown["rewards"] == ["1.0*rm-0001", "-0.5*mood#POSITIVE", *given[2:]]
