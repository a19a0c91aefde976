"""Previews of conversations are what the trainers feed, by chat template and as plain dialogue."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers import trainings
from helpers.tiny import save_policy, save_reward_model, tokenizer
from helpers.trainings import ONLINE, train, training
from training.test_previewing import Fed, rendered, same, unpadded
from transformers import LlamaForCausalLM

from rlhf_tui.config.options import DPOOptions, KTOOptions, RewardOptions, SFTOptions
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.rendered import Example
from rlhf_tui.training import dpo, kto, offline, packing, reward_model, sft
from rlhf_tui.training.data import IGNORED, read_snapshot

ROWS = 3


def as_messages(row: dict[str, Any]) -> dict[str, Any]:
    """A row as a conversation of several turns, each row's of another length."""
    number = int(row["prompt_id"][1:])
    turns = [{"role": "system", "content": "Be brief."}] if number % 2 else []
    for _ in range(number % 3):
        turns += [
            {"role": "user", "content": "Which film?"},
            {"role": "assistant", "content": "The new one,\nof course."},
        ]
    turns.append({"role": "user", "content": row["prompt"]})
    answers = {
        name: [{"role": "assistant", "content": row[name].strip()}]
        for name in ("completion", "chosen", "rejected")
        if name in row
    }
    return {**row, "prompt": turns, **answers}


@pytest.fixture
def chats(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are made of conversations."""

    def made(rows: Callable[[int], list[dict[str, Any]]]) -> Any:
        return lambda count: [as_messages(row) for row in rows(count)]

    for kind, rows in trainings.ROWS.items():
        monkeypatch.setitem(trainings.ROWS, kind, made(rows))


@pytest.fixture(scope="module", params=[True, False], ids=["template", "plain"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_policy(tmp_path_factory.mktemp("model"), chat=request.param)


def labelled(batch: Any, place: int) -> Fed:
    """A row of a batch with labels, without its padding; the first token is predicted by none."""
    kept = batch["attention_mask"][place].bool()
    labels = batch["labels"][place][kept].tolist()
    learnt = [False, *(label != IGNORED for label in labels[1:])]
    return batch["input_ids"][place][kept].tolist(), learnt


def fed_sft(context: RunContext) -> list[Fed]:
    options = context.options(SFTOptions)
    start = offline.begin(context, options)
    rows = sft.tokens(read_snapshot(context, "train", sft.NEEDED), start.renderer, options)
    trainer = sft.trainer_of(context, options, start, rows, [])
    batch = trainer.data_collator([trainer.train_dataset[place] for place in range(ROWS)])
    return [labelled(batch, place) for place in range(ROWS)]


def fed_rm(context: RunContext) -> list[Fed]:
    options = context.options(RewardOptions)
    start = reward_model.ready(context, options)
    trainer = reward_model.trainer_of(context, options, start)
    batch = trainer.data_collator(start.train[:ROWS])
    found: list[Fed] = []
    for pair in range(ROWS):
        for side in ("chosen", "rejected"):
            place = int(batch[side][pair])
            ids = batch["input_ids"][place][batch["attention_mask"][place].bool()].tolist()
            found.append((ids, [False] * (len(ids) - 1) + [True]))
    return found


def fed_dpo(context: RunContext) -> list[Fed]:
    options = context.options(DPOOptions)
    start = offline.begin(context, options)
    rows = dpo.tokens(dpo.read(context, options, "train"), start.renderer)
    trainer = dpo.trainer_of(context, options, start, rows, [])
    batch = trainer.data_collator([trainer.train_dataset[place] for place in range(ROWS)])
    return [
        unpadded(batch, pair + side * ROWS, "completion_mask")
        for pair in range(ROWS)
        for side in range(2)
    ]


def fed_kto(context: RunContext) -> list[Fed]:
    options = context.options(KTOOptions)
    start = offline.begin(context, options)
    read = read_snapshot(context, "train", kto.NEEDED)
    rows = kto.tokens([{**row, "weight": 1.0} for row in read], start.renderer, options)
    trainer = kto.trainer_of(context, options, start, rows, [])
    batch = trainer.data_collator([trainer.train_dataset[place] for place in range(ROWS)])
    return [unpadded(batch, place, "completion_mask") for place in range(ROWS)]


FED = {"sft": fed_sft, "rm": fed_rm, "dpo": fed_dpo, "kto": fed_kto}


@pytest.mark.usefixtures("chats")
@pytest.mark.parametrize("longest", [256, 16], ids=["whole", "cut"])
@pytest.mark.parametrize("kind", FED)
def test_a_conversation_is_shown_as_its_batch(
    tmp_path: Path, model: Path, kind: str, longest: int
) -> None:
    context = training(kind, tmp_path / f"{kind}-0001", model, max_length=longest)
    found = rendered(context, ROWS)
    for example, fed in zip(found.examples, FED[kind](context), strict=True):
        same(example, fed)
        if longest == 256:
            assert example.cut == 0
    if longest == 16:
        assert any(example.cut for example in found.examples)


@pytest.mark.usefixtures("chats")
def test_packed_conversations_are_shown_as_they_stand_in_their_rows(
    tmp_path: Path, model: Path
) -> None:
    context = training("sft", tmp_path / "sft-0001", model, packing=True, max_length=200, rows=5)
    options = context.options(SFTOptions)
    start = offline.begin(context, options)
    rows = sft.tokens(read_snapshot(context, "train", sft.NEEDED), start.renderer, options)
    trainer = sft.trainer_of(context, options, start, packing.pack(rows, 200), [])
    fed: list[Fed] = []
    for packed in trainer.train_dataset:
        batch = trainer.data_collator([packed])
        at = 0
        for length in packed["seq_lengths"]:
            ids, labels = (batch[n][0][at : at + length].tolist() for n in ("input_ids", "labels"))
            fed.append((ids, [label != IGNORED for label in labels]))
            at += length
    found = rendered(context, 5)
    assert len(found.examples) == len(fed) == 5
    for example in found.examples:
        one = next(one for one in fed if text_of(one[0]) == shown(example))
        same(example, one)
        fed.remove(one)


@pytest.mark.usefixtures("chats")
@pytest.mark.parametrize("longest", [256, 24], ids=["whole", "cut"])
@pytest.mark.parametrize("kind", ONLINE)
def test_the_policy_begins_where_the_preview_ends(
    tmp_path: Path,
    model: Path,
    kind: str,
    longest: int,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fed: set[tuple[int, ...]] = set()
    forward = LlamaForCausalLM.forward

    def watched(self: Any, input_ids: Any = None, attention_mask: Any = None, **more: Any) -> Any:
        """What the model is given, whoever gives it."""
        if input_ids is not None:
            # None where all are of one length.
            masks = input_ids >= 0 if attention_mask is None else attention_mask.bool()
            for ids, mask in zip(input_ids, masks[:, : input_ids.shape[1]], strict=True):
                fed.add(tuple(ids[mask].tolist()))
        return forward(self, input_ids=input_ids, attention_mask=attention_mask, **more)

    monkeypatch.setattr(LlamaForCausalLM, "forward", watched)
    context = training(
        kind,
        tmp_path / f"{kind}-0001",
        model,
        rows=4,
        max_length=longest,
        total_steps=1,
        eval_steps=0,
        samples=0,
        reward_model=save_reward_model(tmp_path_factory.mktemp("rewards")),
    )
    train(context)
    found = rendered(context, 4)
    texts = {(len(ids), text_of(ids)) for ids in fed}
    for example in found.examples:
        assert (example.tokens, shown(example)) in texts
    assert any(example.cut for example in found.examples) is (longest == 24)


def shown(example: Example) -> str:
    return "".join(piece.text for piece in example.pieces)


def text_of(ids: Any) -> str:
    return str(tokenizer().decode(list(ids), skip_special_tokens=False))
