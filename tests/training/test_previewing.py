"""What a preview shows is what the trainers feed: tokens, labels, cuts, and the number of steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.tiny import make_run, save_policy, save_reward_model, tokenizer
from helpers.trainings import OFFLINE, ONLINE, ROWS, train, training

from rlhf_tui.config.options import (
    OPTIONS,
    DPOOptions,
    EvaluateOptions,
    KTOOptions,
    RewardOptions,
    SFTOptions,
)
from rlhf_tui.dataset.snapshot import Manifest
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.dataset.summary import summary
from rlhf_tui.errors import InputError, NothingToDo
from rlhf_tui.hub.weighing import data_of
from rlhf_tui.runs import layout
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.estimate_steps import steps_of
from rlhf_tui.runs.layout import RunStatus, write_atomic
from rlhf_tui.runs.rendered import Example, Rendered, RenderRequest
from rlhf_tui.training import dpo, kto, offline, reward_model, sft
from rlhf_tui.training.data import IGNORED, read_snapshot
from rlhf_tui.training.previewing import render, renderer_of
from rlhf_tui.training.sides import pieces, special_ids

Fed = tuple[list[int], list[bool]]
"""Tokens of a sequence of the batch, and of which the loss is taken."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_policy(tmp_path_factory.mktemp("model"))


def rendered(context: RunContext, examples: int = 3) -> Rendered:
    arguments = context.arguments
    return render(
        RenderRequest(
            arguments.kind,
            arguments.arguments,
            str(context.directory / layout.DATASET),
            "train",
            examples,
        )
    )


def same(example: Example, fed: Fed) -> None:
    """The example is the fed sequence: its text, its tokens, and what is learnt of them."""
    ids, learnt = fed
    words = tokenizer()
    special = special_ids(words)
    assert example.tokens == len(ids)
    shown = "".join(piece.text for piece in example.pieces)
    assert shown == words.decode(ids, skip_special_tokens=False)
    marked = "".join(piece.text for piece in example.pieces if piece.learnt)
    assert marked == words.decode([i for i, yes in zip(ids, learnt, strict=True) if yes])
    names = [piece.text for piece in example.pieces if piece.special]
    assert names == [words.convert_ids_to_tokens(i) for i in ids if i in special]


def unpadded(batch: Any, place: int, mask: str) -> Fed:
    kept = batch["attention_mask"][place].bool()
    return batch["input_ids"][place][kept].tolist(), batch[mask][place][kept].bool().tolist()


@pytest.mark.parametrize("more", [{}, {"loss_on": "all"}, {"max_length": 9}])
def test_sft_is_shown_as_its_batch(tmp_path: Path, model: Path, more: dict[str, Any]) -> None:
    context = training("sft", tmp_path / "sft-0001", model, **more)
    options = context.options(SFTOptions)
    start = offline.begin(context, options)
    rows = sft.tokens(read_snapshot(context, "train", sft.NEEDED), start.renderer, options)
    trainer = sft.trainer_of(context, options, start, rows, [])
    found = rendered(context)
    for example, place in zip(found.examples, range(3), strict=True):
        batch = trainer.data_collator([trainer.train_dataset[place]])
        ids, labels = batch["input_ids"][0].tolist(), batch["labels"][0].tolist()
        # The first token's label is shifted away: nothing predicts it.
        same(example, (ids, [False, *(label != IGNORED for label in labels[1:])]))
    if "max_length" in more:
        assert found.examples[0].cut > 0
        assert any("longer than 9 tokens" in note for note in found.notes)
    else:
        assert not any(example.cut for example in found.examples)


def test_the_reward_model_reads_what_is_shown_and_scores_at_the_mark(
    tmp_path: Path, model: Path
) -> None:
    context = training("rm", tmp_path / "rm-0001", model)
    options = context.options(RewardOptions)
    start = reward_model.ready(context, options)
    trainer = reward_model.trainer_of(context, options, start)
    found = rendered(context, 1)
    batch = trainer.data_collator([start.train[0]])
    for example, side in zip(found.examples, ("chosen", "rejected"), strict=True):
        place = int(batch[side][0])
        ids = batch["input_ids"][place][batch["attention_mask"][place].bool()].tolist()
        assert example.title == side
        same(example, (ids, [False] * (len(ids) - 1) + [True]))


def test_dpo_is_shown_as_its_batch(tmp_path: Path, model: Path) -> None:
    context = training("dpo", tmp_path / "dpo-0001", model, max_length=12)
    options = context.options(DPOOptions)
    start = offline.begin(context, options)
    rows = dpo.tokens(dpo.read(context, options, "train"), start.renderer)
    trainer = dpo.trainer_of(context, options, start, rows, [])
    batch = trainer.data_collator([trainer.train_dataset[0]])
    better, worse = rendered(context, 1).examples
    same(better, unpadded(batch, 0, "completion_mask"))
    same(worse, unpadded(batch, 1, "completion_mask"))


def test_kto_is_shown_as_its_batch_with_its_label(tmp_path: Path, model: Path) -> None:
    context = training("kto", tmp_path / "kto-0001", model)
    options = context.options(KTOOptions)
    start = offline.begin(context, options)
    read = read_snapshot(context, "train", kto.NEEDED)
    rows = kto.tokens([{**row, "weight": 1.0} for row in read], start.renderer, options)
    trainer = kto.trainer_of(context, options, start, rows, [])
    batch = trainer.data_collator([trainer.train_dataset[place] for place in range(3)])
    for place, example in enumerate(rendered(context).examples):
        same(example, unpadded(batch, place, "completion_mask"))
        assert example.title == ("thumb up" if bool(batch["label"][place]) else "thumb down")


def test_online_kinds_show_the_prompt_that_the_policy_gets(tmp_path: Path, model: Path) -> None:
    from rlhf_tui.config.options import PPOOptions
    from rlhf_tui.training.ppo.run import _prompts

    context = training("ppo", tmp_path / "ppo-0001", model, max_length=8, reward_model=model)
    options = context.options(PPOOptions)
    start = offline.begin(context, options)  # type: ignore[arg-type]  # its renderer alone
    given = _prompts(context, options, start.renderer, "train").tokens
    for ids, example in zip(given, rendered(context).examples, strict=False):
        same(example, (ids, [False] * len(ids)))
        assert example.cut > 0, "no more than 3 tokens stay beside a response of 5"


def test_an_evaluation_of_a_policy_leaves_the_room_for_its_answers(tmp_path: Path) -> None:
    from rlhf_tui.evaluation import subject
    from rlhf_tui.training import models

    made = training("ppo", tmp_path / "ppo-0001", tmp_path, response_length=6)
    policy = save_policy(made.directory / "model")
    context = make_run(
        tmp_path / "evaluate-0001",
        "evaluate",
        {"model": str(policy), "max_length": 10, "device": "cpu"},
        train=ROWS["ppo"](3),
    )
    loaded = models.load_policy(str(policy), models.torch.device("cpu"), trained=False)
    reading = subject.renderer_of(loaded.model, loaded.tokenizer, "ppo", 10, None)
    texts = [row["prompt"] for row in read_snapshot(context, "train", ["prompt"])]
    for ids, example in zip(
        reading.prompts(texts, room=6), rendered(context).examples, strict=True
    ):
        same(example, (ids, [False] * len(ids)))
        assert example.tokens == 4
        assert example.cut > 0


def test_an_evaluation_of_pairs_cuts_each_side_for_itself(tmp_path: Path) -> None:
    made = training("dpo", tmp_path / "dpo-0001", tmp_path)
    policy = save_policy(made.directory / "model")
    longest = {"model": str(policy), "max_length": 9, "device": "cpu"}
    context = make_run(tmp_path / "evaluate-0001", "evaluate", longest, train=ROWS["dpo"](3))
    reading = renderer_of("dpo", context.options(EvaluateOptions))
    found = iter(rendered(context).examples)
    for row in read_snapshot(context, "train", ["prompt"]):
        for side in ("chosen", "rejected"):
            (fed,) = reading.rows([row["prompt"]], [row[side]])
            example = next(found)
            assert example.title == side
            learnt = [False] * len(fed.prompt) + [True] * len(fed.completion)
            same(example, (fed.prompt + fed.completion, [False, *learnt[1:]]))


def test_conversations_and_special_tokens_have_their_names(tmp_path: Path) -> None:
    from rlhf_tui.training.sides import Side

    words = tokenizer()
    ids = [*words("Hello there")["input_ids"], 2, 2]
    shown = pieces(words, Side("example", ids, [False] * (len(ids) - 1) + [True], 0))
    assert [(p.text, p.special, p.learnt) for p in shown[-2:]] == [
        ("</s>", True, False),
        ("</s>", True, True),
    ]


def test_what_cannot_be_rendered_is_a_sentence(tmp_path: Path, model: Path) -> None:
    context = training("sft", tmp_path / "sft-0001", model)
    context.arguments.arguments["model"] = "nobody/nothing"
    with pytest.raises(InputError, match=r"nobody/nothing.* cannot be loaded"):
        rendered(context)
    empty = training("dpo", tmp_path / "dpo-0001", model, rows=0)
    with pytest.raises((NothingToDo, InputError)):
        rendered(empty)


# --- steps ----------------------------------------------------------------------------------


def counted(context: RunContext, found: Rendered | None = None) -> int:
    """The steps that the estimate gives for a run's own data set."""
    arguments = context.arguments
    dataset = context.directory / layout.DATASET
    rows = {name: len(read_snapshot(context, name, [])) for name in ("train", "validation")}
    spec = DatasetSpec("preference")
    write_atomic(
        dataset / "manifest.json",
        Manifest(arguments.kind, rows, 0, {}, spec, 0, []),  # type: ignore[arg-type]
    )
    options = msgspec.convert(arguments.arguments, OPTIONS[arguments.kind])
    steps = steps_of(arguments.kind, options, data_of(summary(dataset), found))
    assert steps is not None
    assert steps.exact
    return steps.steps


def made(context: RunContext) -> int:
    status = layout.read(context.directory / layout.STATUS, RunStatus)
    assert status is not None
    assert status.step == status.total_steps
    return status.total_steps


@pytest.mark.parametrize("kind", OFFLINE)
def test_steps_of_epochs_are_exact(tmp_path: Path, model: Path, kind: str) -> None:
    context = training(
        kind, tmp_path / f"{kind}-0001", model, rows=19, gradient_accumulation=3, epochs=1.5,
        learning_rate=1e-4,
    )  # fmt: skip
    assert made(train(context)) == counted(context)


def test_steps_of_packed_rows_are_exact_once_they_were_packed(tmp_path: Path, model: Path) -> None:
    context = training("sft", tmp_path / "sft-0001", model, packing=True, max_length=40, rows=30)
    assert made(train(context)) == counted(context, rendered(context))


@pytest.mark.parametrize("kind", ONLINE)
def test_steps_of_rollouts_are_exact(
    tmp_path: Path, model: Path, kind: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rewards = save_reward_model(tmp_path_factory.mktemp("rewards"))
    context = training(kind, tmp_path / f"{kind}-0001", model, reward_model=rewards)
    assert made(train(context)) == counted(context)
