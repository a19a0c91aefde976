"""RLOO and GRPO runs from their directories: they learn, count, stop, resume, and read as PPO."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from helpers.tiny import again, lines, make_run, save_policy, stop_after, tokenizer
from transformers import AutoModelForCausalLM, GenerationMixin, GPT2Config, GPT2LMHeadModel

from rlhf_tui.config.options import GRPOOptions, RLOOOptions
from rlhf_tui.errors import NothingToDo, UsageError
from rlhf_tui.records import Message, Text
from rlhf_tui.runs.context import RunContext
from rlhf_tui.runs.ranks import Rank
from rlhf_tui.training import group_trainer, grpo, online, rloo
from rlhf_tui.training.group_trainer import Rewards, order
from rlhf_tui.training.ppo.rollout import Prompts
from rlhf_tui.training.rendering import Renderer, rendering_for
from rlhf_tui.training.rewards.weighted import WeightedSum

# TRL, PEFT and accelerate still use names that transformers is about to drop.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*checkpointing:FutureWarning", "ignore::DeprecationWarning", "ignore::UserWarning"
)
MODULES: dict[str, Any] = {"rloo": rloo, "grpo": grpo}
SMALL = {
    "total_steps": 3,
    "rollout_batch_size": 4,
    "num_generations": 2,
    "response_length": 5,
    "eval_steps": 2,
    "eval_prompts": 3,
    "learning_rate": 1e-3,
    "batch_size": 4,
    "threads": 1,
}
CLOCKS = ("time", "step_time")
REWARDS = """
def spaces(prompts, completions, **_):
    texts = [c if isinstance(c, str) else c[0]["content"] for c in completions]
    return [text.count(" ") for text in texts]

def some(completions, **_):
    return [None if len(c) % 2 else 1.0 for c in completions]
"""


@pytest.fixture
def policy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A tiny policy; the reward functions lie where the run is launched."""
    (tmp_path / "toy_rewards.py").write_text(REWARDS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "toy_rewards", raising=False)
    return str(save_policy(tmp_path / "policy"))


def prompts(count: int, start: int = 0) -> list[dict[str, Any]]:
    return [{"prompt": f"Review {i}:", "prompt_id": f"p{i}"} for i in range(start, start + count)]


def make(directory: Path, model: str, **more: Any) -> RunContext:
    kind = directory.name.partition("-")[0]
    arguments = SMALL | {"model": model, "rewards": ["toy_rewards:spaces"]} | more
    return make_run(directory, kind, arguments, train=prompts(6), validation=prompts(5, 6))


def run(context: RunContext) -> RunContext:
    MODULES[context.arguments.kind].run(context)
    return context


def figures(context: RunContext) -> list[dict[str, Any]]:
    found = lines(context.directory / "metrics.jsonl")
    rows = [{k: v for k, v in row.items() if not k.startswith(CLOCKS)} for row in found]
    return [row for row in rows if row.keys() - {"step", "epoch"}]


def weights(path: Path) -> dict[str, torch.Tensor]:
    return dict(AutoModelForCausalLM.from_pretrained(path).state_dict())


@pytest.mark.parametrize("kind", ["rloo", "grpo"])
def test_the_reward_rises(tmp_path: Path, policy: str, kind: str) -> None:
    context = make(
        tmp_path / f"{kind}-1",
        policy,
        total_steps=15,
        rollout_batch_size=8,
        num_generations=4,
        batch_size=16,
        learning_rate=1e-2,
        response_length=8,
        missing_eos_penalty=0.0,
        eval_steps=15,
        eval_prompts=5,
        beta=0.01,
        schedule="constant_with_warmup",
    )
    run(context)
    evaluated = [row for row in figures(context) if "eval/reward" in row]
    assert [row["step"] for row in evaluated] == [0, 15]
    first, last = evaluated
    assert first["eval/kl"] == pytest.approx(0.0, abs=1e-5), "the reference is the start"
    assert last["eval/kl"] > 0.05
    assert last["eval/reward"] > first["eval/reward"]
    trained = [row for row in figures(context) if "reward" in row]
    assert [row["step"] for row in trained] == list(range(1, 16)), "a line a rollout"
    rewards = [row["reward"] for row in trained]
    assert sum(rewards[-3:]) / 3 > sum(rewards[:3]) / 3 + 0.7
    assert {"kl", "entropy", "completions/mean_length", "frac_reward_zero_std"} <= trained[0].keys()
    assert not [name for name in trained[0] if name.startswith("rewards/")]
    assert [row["num_samples"] for row in trained] == [32 * n for n in range(1, 16)]
    tokens = [row["num_tokens"] for row in trained]
    assert tokens == sorted(set(tokens)) and tokens[0] > 32
    everything = lines(context.directory / "samples.jsonl")
    samples = [row for row in everything if "by" not in row]
    reference = [row for row in everything if row.get("by") == "reference"]
    assert [row["completion"] for row in reference] == [s["completion"] for s in samples[:5]]
    assert len(samples) == 10
    assert samples[0].keys() == {"step", "prompt", "completion", "reward", "kl"}
    assert samples[0]["prompt"] == "Review 6:"
    assert samples[0]["reward"] == samples[0]["completion"].count(" ")
    before, after = weights(Path(policy)), weights(context.model_dir)
    assert before.keys() == after.keys()
    assert any(not torch.equal(before[name], after[name]) for name in before)
    assert not (context.directory / "trainer").exists()


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("rloo", {"tune": "full", "num_iterations": 2}),
        ("rloo", {"tune": "lora", "lora_rank": 2}),
        ("grpo", {"tune": "last-layer"}),
        ("grpo", {"tune": "lora", "lora_rank": 2, "num_iterations": 2, "num_mini_batches": 1}),
    ],
)
def test_stopped_and_resumed_equals_straight_number_by_number(
    tmp_path: Path, policy: str, kind: str, more: dict[str, Any]
) -> None:
    straight = run(make(tmp_path / "a" / kind, policy, **more))
    first = make(tmp_path / "b" / kind, policy, **more)
    stop_after(first, 2)
    run(first)
    checkpoint = first.latest_checkpoint()
    assert first.stopped and checkpoint is not None and checkpoint.name == "step-000002"
    assert not first.model_dir.exists()
    second = run(again(first))
    assert figures(second) == figures(straight)
    one, other = weights(straight.model_dir), weights(second.model_dir)
    assert all(torch.equal(one[name], other[name]) for name in one)
    start = weights(Path(policy))
    assert any(not torch.equal(one[name], start[name]) for name in one)


def test_evaluation_draws_the_same_numbers_each_time_and_none_of_the_trainings(
    tmp_path: Path, policy: str
) -> None:
    still = {"learning_rate": 1e-12}
    often = run(make(tmp_path / "a" / "rloo", policy, eval_steps=1, **still))
    never = run(make(tmp_path / "b" / "rloo", policy, eval_steps=0, **still))
    trained = [[r for r in figures(c) if "reward" in r] for c in (often, never)]
    assert trained[0] == trained[1]
    assert len({row["reward"] for row in trained[0]}) > 1, "rollouts differ"
    samples = [r for r in lines(often.directory / "samples.jsonl") if "by" not in r]
    rounds = [[r["completion"] for r in samples if r["step"] == step] for step in range(4)]
    assert len(rounds[0]) == 3 and rounds == [rounds[0]] * 4


@pytest.mark.parametrize(
    ("kind", "more", "has_kl"),
    [
        ("rloo", {}, True),
        ("grpo", {"beta": 0.1, "num_iterations": 2}, True),
        ("grpo", {"num_mini_batches": 1, "eval_steps": 0, "samples": 2}, False),
    ],
)
def test_phases_are_timed_and_values_kept_beside_every_line(
    tmp_path: Path, policy: str, kind: str, more: dict[str, Any], has_kl: bool
) -> None:
    context = run(make(tmp_path / kind, policy, logging_steps=2, **more))
    logged = [r for r in lines(context.directory / "metrics.jsonl") if "loss" in r]
    assert [row["step"] for row in logged] == [2]
    phases = {name for name in logged[0] if name.startswith("time/")}
    assert phases == {"time/rollout", "time/reward", "time/measure", "time/update"}
    assert all(logged[0][name] > 0 for name in phases)
    rows = {row["name"]: row for row in lines(context.directory / "distributions.jsonl")}
    names = {"response_length", "advantage", "reward"} | ({"token_kl"} if has_kl else set())
    assert rows.keys() == names
    for name, row in rows.items():
        assert row["step"] == 2
        assert sum(row["counts"]) == 8 if name != "token_kl" else sum(row["counts"]) > 8
    reference = [
        r for r in lines(context.directory / "samples.jsonl") if r.get("by") == "reference"
    ]
    assert len(reference) == (2 if "samples" in more else 3)
    assert {row["step"] for row in reference} == {0}


class Watched:
    """What a run's trainer did, gathered by wrapping `online.trainer_of`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.trainer: Any = None
        self.rollouts: list[dict[str, Any]] = []
        made = online.trainer_of

        def watched(*given: Any) -> Any:
            self.trainer = made(*given)
            inner: Callable[..., Any] = self.trainer._generate_and_score_completions

            def seen(rows: Sequence[dict[str, Any]]) -> Any:
                output = inner(rows)
                self.rollouts.append({"rows": [row["prompt"] for row in rows], **output})
                return output

            self.trainer._generate_and_score_completions = seen
            return self.trainer

        monkeypatch.setattr(online, "trainer_of", watched)


@pytest.mark.parametrize("kind", ["rloo", "grpo"])
def test_every_rollout_takes_exactly_the_steps_asked_for(
    tmp_path: Path, policy: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    steps: list[int] = []
    taken = torch.optim.AdamW.step

    def counted(optimizer: Any, *args: Any, **named: Any) -> Any:
        steps.append(len(watched.rollouts))
        return taken(optimizer, *args, **named)

    monkeypatch.setattr(torch.optim.AdamW, "step", counted)
    # 4 prompts × 6 responses, over 3 minibatches: 8 responses a step, in forward passes of 4.
    run(
        make(
            tmp_path / kind,
            policy,
            num_generations=6,
            num_mini_batches=3,
            num_iterations=2,
            eval_steps=0,
        )
    )
    assert [steps.count(rollout) for rollout in (1, 2, 3)] == [6, 6, 6] and len(steps) == 18
    assert watched.trainer.args.gradient_accumulation_steps == 2
    places = order(6, 3, 4, 0)
    for number, rollout in enumerate(watched.rollouts):
        own = places[number * 4 : number * 4 + 4]
        assert rollout["rows"] == [str(place) for place in own for _ in range(6)]
    assert sorted(places[:6]) == list(range(6)), "a pass over all prompts before any comes again"


def as_read(output: dict[str, Any]) -> list[list[int]]:
    """The prompts' tokens in a rollout, without padding."""
    return [
        ids[mask.bool()].tolist()
        for ids, mask in zip(output["prompt_ids"], output["prompt_mask"], strict=True)
    ]


@pytest.mark.parametrize("kind", ["rloo", "grpo"])
def test_a_rollout_is_written_in_parts_where_it_is_large(
    tmp_path: Path, policy: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    monkeypatch.setattr(group_trainer, "WRITTEN_AT_ONCE", 1)
    sizes: list[int] = []
    generate = GenerationMixin.generate

    def seen(model: Any, **given: Any) -> Any:
        sizes.append(len(given["input_ids"]))
        return generate(model, **given)

    monkeypatch.setattr(GenerationMixin, "generate", seen)
    run(
        make(
            tmp_path / kind,
            policy,
            batch_size=2,
            total_steps=1,
            eval_steps=0,
            eval_prompts=1,
            samples=0,
        )
    )
    assert sizes == [2, 2, 2, 2, 1], "eight responses of the rollout, one to a held-out prompt"
    assert len(watched.rollouts[0]["completion_ids"]) == 8


TALK = [Message(role="user", content="A film ?")]


@pytest.mark.parametrize("kind", ["rloo", "grpo"])
@pytest.mark.parametrize("form", ["text", "plain dialogue", "template", "begins with BOS"])
def test_the_policy_reads_what_ppo_and_generation_read(
    tmp_path: Path, policy: str, kind: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    directory = save_policy(tmp_path / "other", chat=form == "template")
    words = tokenizer(chat=form == "template")
    if form == "begins with BOS":
        from tokenizers.processors import TemplateProcessing

        words.backend_tokenizer.post_processor = TemplateProcessing(
            single="<bos> $A", special_tokens=[("<bos>", 1)]
        )
        words.save_pretrained(directory)
    text: Text = TALK if form in ("plain dialogue", "template") else "Review 1:"
    row = {"prompt": [{"role": "user", "content": "A film ?"}] if text == TALK else text}
    context = make_run(
        tmp_path / kind,
        kind,
        SMALL
        | {
            "model": str(directory),
            "rewards": ["toy_rewards:spaces"],
            "total_steps": 1,
            "eval_steps": 0,
        },
        train=[row],
        validation=[row],
    )
    run(context)
    expected = Renderer(words, rendering_for(words, 256)).prompts([text], room=5)[0]
    assert as_read(watched.rollouts[0]) == [expected] * 8
    if form == "begins with BOS":
        assert expected[0] == 1 and expected[1] != 1
    (sample, *_) = lines(context.directory / "samples.jsonl")
    assert sample["prompt"] == row["prompt"]
    if text == TALK:
        assert sample["completion"][0]["role"] == "assistant"


class Given:
    """A source that remembers what it scored."""

    def __init__(self, *scores: float) -> None:
        self.scores = list(scores)
        self.seen: list[tuple[Text, Text]] = []

    def score(self, prompts: Sequence[Text], completions: Sequence[Text]) -> list[float]:
        self.seen = list(zip(prompts, completions, strict=True))
        return self.scores


def test_rewards_are_scored_as_trained_then_charged_and_clipped() -> None:
    words = tokenizer()
    renderer = Renderer(words, rendering_for(words, 64))
    texts: list[Text] = ["Review 1:", TALK]
    held = Prompts(texts, renderer.prompts(texts))
    source = Given(2.0, 2.0, math.nan, -9.0)
    options = RLOOOptions(missing_eos_penalty=0.5, reward_clip=1.75)
    sums = WeightedSum([("one", 1.0, source), ("two", 0.0, source)], partial=True)
    rewards = Rewards(held, sums, renderer, [2], options)
    film = words(" a film", add_special_tokens=False)["input_ids"]
    metrics: dict[str, float] = {}
    found = rewards(
        prompts=["0", "1", "0", "0"],
        completion_ids=[[*film, 2], film, film, film],
        completions=["not ours"] * 4,
        log_metric=metrics.__setitem__,
        trainer_state=None,
    )
    # Ended: clipped from 2; not ended: 2 - 0.5; judged by none; not ended: -9.5, clipped.
    assert found == [1.75, 1.5, None, -1.75]
    assert source.seen[0] == ("Review 1:", " a film"), "EOS is no part of the text"
    assert source.seen[1] == (TALK, [Message(role="assistant", content="a film")])
    assert metrics == pytest.approx(
        {"objective/scores/one": -5 / 3, "objective/scores/two": -5 / 3}
    )
    # A word that ends responses is none of theirs, though it is no special token.
    Rewards(held, sums, renderer, [2, film[-1]], options)(
        prompts=["0"] * 4, completion_ids=[film] * 4, log_metric=metrics.__setitem__
    )
    assert source.seen[0] == ("Review 1:", words.decode([*held.tokens[0], *film[:-1]])[9:])


def test_completions_that_no_source_judges_teach_nothing(
    tmp_path: Path, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    context = make(
        tmp_path / "rloo", policy, rewards=["toy_rewards:some"], total_steps=1, eval_steps=0
    )
    run(context)
    advantages = watched.rollouts[0]["advantages"]
    assert torch.isfinite(advantages).all()
    (row, *_) = [row for row in figures(context) if "eval/reward" in row]
    assert row["eval/reward"] in (1.0, None)


def test_all_options_reach_the_trainers(tmp_path: Path, policy: str) -> None:
    from trl import GRPOConfig, RLOOConfig

    from rlhf_tui.config.group_sizes import sizes

    shared = {
        "num_generations": 3,
        "num_iterations": 2,
        "response_length": 7,
        "temperature": 0.7,
        "epsilon": 0.1,
        "logging_steps": 2,
        "save_steps": 3,
        "total_steps": 5,
        "rollout_batch_size": 8,
        "num_mini_batches": 2,
        "batch_size": 6,
    }
    one = RLOOOptions(**shared, beta=0.3, normalize_advantages=True)
    other = GRPOOptions(
        **shared,
        beta=0.2,
        loss_type="bnpo",
        scale_rewards="batch",
        importance_sampling="sequence",
        epsilon_high=0.4,
        mask_truncated=True,
    )
    made = [
        config(
            output_dir=str(tmp_path / "out"),
            use_cpu=True,
            bf16=False,
            **online.trl_options(options, sizes(options, 1)),
            **module.trl_options(options),
        )
        for config, options, module in ((RLOOConfig, one, rloo), (GRPOConfig, other, grpo))
    ]
    for args in made:
        assert (args.num_generations, args.num_iterations) == (3, 2)
        assert (args.max_completion_length, args.temperature, args.epsilon) == (7, 0.7, 0.1)
        assert (args.per_device_train_batch_size, args.gradient_accumulation_steps) == (6, 2)
        assert (args.generation_batch_size, args.steps_per_generation) == (24, 4)
        assert (args.max_steps, args.logging_steps, args.save_steps) == (20, 8, 12)
        assert args.disable_dropout and not args.shuffle_dataset
        assert (args.top_p, args.top_k, args.min_p) == (1.0, 0, None), "the whole distribution"
        assert args.repetition_penalty == 1.0
    assert (made[0].beta, made[0].normalize_advantages) == (0.3, True)
    second = made[1]
    assert (second.beta, second.loss_type, second.scale_rewards) == (0.2, "bnpo", "batch")
    assert (second.importance_sampling_level, second.epsilon_high) == ("sequence", 0.4)
    assert second.mask_truncated_completions
    defaults = GRPOConfig(
        output_dir=str(tmp_path / "out"),
        use_cpu=True,
        bf16=False,
        **online.trl_options(GRPOOptions(), sizes(GRPOOptions(), 1)),
        **grpo.trl_options(GRPOOptions()),
    )
    assert defaults.epsilon_high is None


LOSSES = ["grpo", "dr_grpo", "dapo", "bnpo", "cispo", "sapo", "luspo", "vespo"]


@pytest.mark.parametrize("loss", LOSSES)
def test_each_loss_of_grpo_takes_a_step(tmp_path: Path, policy: str, loss: str) -> None:
    more: dict[str, Any] = {"epsilon_high": 5.0} if loss == "cispo" else {}
    if loss == "luspo":
        more = {"importance_sampling": "sequence"}
    context = make(tmp_path / "grpo", policy, loss_type=loss, total_steps=1, eval_steps=0, **more)
    run(context)
    (row,) = [row for row in figures(context) if "reward" in row]
    assert math.isfinite(row["loss"]) and row["grad_norm"] > 0


def test_responses_cut_short_are_left_out_of_the_loss_if_asked(tmp_path: Path, policy: str) -> None:
    """All of them here, so that nothing is learnt, and some of TRL's means are of nothing."""
    context = run(
        make(tmp_path / "grpo", policy, mask_truncated=True, total_steps=2, response_length=2)
    )
    rows = [row for row in figures(context) if "reward" in row]
    assert [row["completions/clipped_ratio"] for row in rows] == [1.0, 1.0]
    assert [row["grad_norm"] for row in rows] == [0.0, 0.0]
    one, other = weights(Path(policy)), weights(context.model_dir)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_without_kl_a_run_says_so_and_keeps_no_reference(
    tmp_path: Path, policy: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    watched = Watched(monkeypatch)
    full = run(make(tmp_path / "grpo-1", policy, beta=0.0, total_steps=1))
    assert "nothing keeps the policy near" in capsys.readouterr().out
    assert watched.trainer.ref_model is None
    rows = figures(full)
    assert not [row for row in rows if "kl" in row or "eval/kl" in row]
    adapter = run(make(tmp_path / "grpo-2", policy, beta=0.0, total_steps=1, tune="lora"))
    assert [row for row in figures(adapter) if "eval/kl" in row], "the adapter is turned off"
    capsys.readouterr()
    held = run(make(tmp_path / "rloo-1", policy, total_steps=1))
    assert "nothing keeps" not in capsys.readouterr().out
    assert all("kl" in row for row in figures(held) if "reward" in row)


def test_the_reference_is_the_policy_that_was_loaded(
    tmp_path: Path, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not whatever the name in its config leads to, as an adapter's base."""
    other = save_policy(tmp_path / "other", seed=1)
    loading = AutoModelForCausalLM.from_pretrained

    def renamed(*args: Any, **named: Any) -> Any:
        model = loading(*args, **named)
        model.config._name_or_path = str(other)
        return model

    monkeypatch.setattr(AutoModelForCausalLM, "from_pretrained", renamed)
    context = run(make(tmp_path / "rloo-1", policy, total_steps=1))
    first = next(row for row in figures(context) if "eval/kl" in row)
    assert first["eval/kl"] == pytest.approx(0.0, abs=1e-5)
    trained = next(row for row in figures(context) if "kl" in row)
    assert trained["kl"] == pytest.approx(0.0, abs=1e-5)


def test_the_temperature_divides_the_logits_everywhere(
    tmp_path: Path, policy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = Watched(monkeypatch)
    context = run(make(tmp_path / "rloo-1", policy, total_steps=1, temperature=0.5, eval_steps=0))
    trainer, rollout = watched.trainer, watched.rollouts[0]
    assert trainer.generation_config.temperature == 0.5
    ids = torch.cat([rollout["prompt_ids"], rollout["completion_ids"]], 1)
    mask = torch.cat([rollout["prompt_mask"], rollout["completion_mask"]], 1)
    start = AutoModelForCausalLM.from_pretrained(policy)
    position = (mask.cumsum(-1) - 1).clamp(min=0)
    with torch.no_grad():
        logits = start(input_ids=ids, attention_mask=mask, position_ids=position).logits / 0.5
    each = torch.log_softmax(logits[:, :-1], -1).gather(-1, ids[:, 1:, None])[..., 0]
    width = rollout["completion_ids"].size(1)
    expected = (each[:, -width:] * rollout["completion_mask"]).sum(-1)
    assert rollout["old_logps"].tolist() == pytest.approx(expected.tolist(), abs=1e-4)
    assert context.model_dir.is_dir()


@pytest.mark.parametrize("tune", ["full", "lora"])
def test_learnt_positions_are_counted_without_padding(
    tmp_path: Path, policy: str, monkeypatch: pytest.MonkeyPatch, tune: str
) -> None:
    """GPT-2's: the policy is trained where it wrote, however long the prompts beside are."""
    words = tokenizer()
    torch.manual_seed(0)
    shape = GPT2Config(
        vocab_size=len(words), n_embd=16, n_layer=2, n_head=2, n_positions=64,
        initializer_range=0.5, pad_token_id=0, bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    model = GPT2LMHeadModel(shape).eval()
    model.save_pretrained(policy)
    watched = Watched(monkeypatch)
    arguments = SMALL | {"model": policy, "rewards": ["toy_rewards:spaces"]}
    rows = [{"prompt": "Review" + " long" * i, "prompt_id": f"p{i}"} for i in range(6)]
    more = {"total_steps": 1, "eval_steps": 0, "tune": tune, "lora_rank": 2, "max_length": 64}
    run(make_run(tmp_path / "rloo-1", "rloo", arguments | more, train=rows))
    rollout = watched.rollouts[0]
    assert len(set(rollout["prompt_mask"].sum(-1).tolist())) > 1
    for row, found in enumerate(rollout["old_logps"].tolist()):
        kept = [rollout[f"{part}_mask"][row].bool() for part in ("prompt", "completion")]
        prompt, response = rollout["prompt_ids"][row][kept[0]], rollout["completion_ids"][row]
        ids = torch.cat([prompt, response[kept[1]]])
        with torch.no_grad():
            each = model(input_ids=ids[None]).logits[0, :-1].log_softmax(-1)
        chosen = each.gather(-1, ids[1:, None])[len(prompt) - 1 :]
        assert found == pytest.approx(float(chosen.sum()), abs=1e-3)


def test_what_cannot_be_is_said_in_a_sentence(tmp_path: Path, policy: str) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"response_length": 300}, "within 256 tokens"),
        ({"num_mini_batches": 3}, "8 responses, which 3 minibatches"),
        ({"rewards": []}, "There is no reward"),
    ]
    for number, (more, words) in enumerate(cases):
        with pytest.raises(UsageError, match=words):
            run(make(tmp_path / f"rloo-{number}", policy, **more))
    with pytest.raises(NothingToDo, match="no prompts"):
        rloo.run(
            make_run(
                tmp_path / "rloo-none",
                "rloo",
                SMALL | {"model": policy, "rewards": ["toy_rewards:spaces"]},
            )
        )
    shared = make(tmp_path / "rloo-wide", policy)
    wide = RunContext(shared.directory, shared.arguments, Rank(0, 3, 0))
    with pytest.raises(UsageError, match="2 minibatches of 3 processes"):
        rloo.run(wide)
