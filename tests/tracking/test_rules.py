"""Rules on made-up runs: thresholds, hysteresis, what the machine tells, and logs of others."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from rlhf_tui.runs.layout import GpuRow, MachineRow, RunExit, RunStatus, SampleRow
from rlhf_tui.tracking.rules import drift, works
from rlhf_tui.tracking.rules.finding import Finding
from rlhf_tui.tracking.rules.judge import EVERY_S, RULES, Pace, judge
from rlhf_tui.tracking.rules.texts import repeated, told
from rlhf_tui.tracking.rules.view import POINTS, Situation, situation, thinned
from rlhf_tui.tracking.rules.walking import episode, level
from rlhf_tui.tracking.series import Series

GOING = Situation(step=100, total_steps=200)


def series(name: str, values: Sequence[float], every: float = 1) -> Series:
    made = Series(name)
    for index, value in enumerate(values):
        made.add(index * every, value)
    return made


def found(kind: str, state: Situation = GOING, /, **named: Any) -> dict[str, Finding]:
    """What is found in series by name (`__` for `/`), and in rows by theirs."""
    rows = {name: named.pop(name) for name in ("samples", "machine", "arguments") if name in named}
    made = {}
    for name, values in named.items():
        name = name.replace("__", "/")
        made[name] = series(name, values)
    findings = judge(kind, made, state=state, **rows)
    assert len({f.rule.id for f in findings}) == len(findings)
    return {f.rule.id: f for f in findings}


def test_names_are_fit_for_a_list_and_every_rule_says_what_to_do() -> None:
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    for rule in RULES:
        assert rule.id.replace("-", "").isalpha() and rule.id.islower()
        assert rule.kinds and rule.change and rule.fires.endswith(".") and rule.means.endswith(".")
        assert len(rule.title) <= 40, "stands in one line beside its sign at 54 columns"


def test_every_work_is_cited_and_with_what_it_says() -> None:
    cited = [source for rule in RULES for source in rule.sources]
    known = {work for work in vars(works).values() if isinstance(work, works.Work)}
    assert {source.work for source in cited} == known
    assert len({work.url for work in known}) == len(known)
    for work in known:
        assert work.by[-4:].isdigit() and work.url.startswith("http")
    for source in cited:
        assert source.says and not source.says.endswith(".")


def test_a_series_about_its_threshold_does_not_flicker() -> None:
    limit = drift.KL_LIMIT
    rising = [limit / 2] * 10 + [limit * 1.2] * 5
    about = [limit * (0.95 if i % 2 else 1.05) for i in range(40)]
    seen = set()
    for length in range(15, 56):
        finding = found("ppo", objective__kl=(rising + about)[:length])["kl-runaway"]
        seen.add((finding.step, finding.until, finding.severity))
    assert seen == {(12.0, None, "warning")}
    over = found("ppo", objective__kl=rising + [limit / 2] * 10)["kl-runaway"]
    assert (over.severity, over.step, over.until) == ("note", 12.0, 18.0)
    assert "24 nats" in over.sentence
    again = found("ppo", objective__kl=rising + [limit / 2] * 10 + [limit * 9] * 5)["kl-runaway"]
    assert (again.severity, again.step, again.until) == ("critical", 27.0, None)


def test_episodes_begin_and_end_after_so_many_points_in_a_row() -> None:
    hot = [False, True, False, True, True, True, False, False, False]
    cold = [not h for h in hot]
    assert episode(hot, cold, on=2, off=4) == (4, 5, True, 5)
    assert episode(hot, cold, on=2, off=2) == (4, 7, False, 5)
    assert episode(hot, cold, on=4, off=2) is None
    assert episode([], [], on=1, off=1) is None


def test_the_limit_of_the_kl_follows_the_target_and_the_length() -> None:
    values = [30.0] * 10
    assert "kl-runaway" in found("ppo", objective__kl=values)
    adaptive = {"adaptive_kl": True, "target_kl": 12.0}
    assert "kl-runaway" not in found("ppo", objective__kl=values, arguments=adaptive)
    adaptive["target_kl"] = 6.0
    assert (
        "3 times target_kl"
        in found("ppo", objective__kl=values, arguments=adaptive)["kl-runaway"].sentence
    )
    assert "kl-runaway" not in found("ppo", objective__kl=values, response_length=[200.0] * 10)
    grouped = {"kl": [0.5] * 10, "completions__mean_length": [60.0] * 10}
    assert "30 nats" in found("grpo", **grouped)["kl-runaway"].sentence
    assert found("rm", objective__kl=values) == {}


def test_a_kl_below_zero() -> None:
    rng = random.Random(1)
    assert "kl-negative" not in found("ppo", objective__kl=[rng.gauss(0.1, 0.4) for _ in range(60)])
    wrong = [-0.1 * i for i in range(30)]
    assert found("ppo", objective__kl=wrong)["kl-negative"].step == 10


def test_longer_responses_alone_are_no_hacking() -> None:
    lengths = [20 + i for i in range(40)]
    flat = found("ppo", response_length=lengths, objective__scores=[1 + i % 2 for i in range(40)])
    assert "length-hacking" not in flat
    up = found("ppo", response_length=lengths, objective__scores=[i / 10 for i in range(40)])
    assert up["length-hacking"].step == 15
    assert "from 21 to 58 tokens" in up["length-hacking"].sentence


def test_updates_that_are_too_large() -> None:
    calm, wild = [0.05] * 10, [0.45] * 4
    assert found("ppo", policy__clipfrac_avg=calm) == {}
    finding = found("ppo", policy__clipfrac_avg=calm + wild)["clip-fraction"]
    assert (finding.severity, finding.step, finding.until) == ("warning", 13, None)
    assert "45% of the tokens" in finding.sentence
    assert found("grpo", clip_ratio__region_mean=calm + wild)["clip-fraction"].step == 13
    assert found("ppo", policy__approxkl_avg=calm + wild)["update-too-large"].step == 13
    assert found("ppo", policy__clipfrac_avg=[*calm, 0.9, *calm]) == {}, "one rollout is none"


def test_a_value_loss_that_explodes() -> None:
    falls = [1.0, 0.9, 0.7, 0.5, 0.4, 0.3, 0.3, 0.25, 0.25, 0.25]
    assert found("ppo", loss__value_avg=[*falls, *[0.9] * 5]) == {}, "below where it began"
    finding = found("ppo", loss__value_avg=[*falls, *[2.0] * 5])["value-loss"]
    assert (finding.severity, finding.step) == ("warning", 13)
    assert found("ppo", loss__value_avg=[*falls, *[20.0] * 5])["value-loss"].severity == "critical"


def test_a_reward_that_falls() -> None:
    rng = random.Random(6)
    noise = [rng.gauss(1, 0.2) for _ in range(60)]
    assert "reward-falls" not in found("ppo", objective__scores=noise)
    falls = [value - max(0, i - 20) / 20 for i, value in enumerate(noise)]
    finding = found("grpo", reward=falls)["reward-falls"]
    assert 25 < finding.step < 50
    assert found("grpo", reward=falls + noise)["reward-falls"].until is not None
    # While it learns at first, and whatever a few wild rollouts among the others.
    learns = [min(2.0, i / 5) + value for i, value in enumerate(noise)]
    wild = [value + (40.0 if i % 9 == 4 else 0.0) for i, value in enumerate(learns)]
    assert not {"reward-falls", "no-progress"} & set(found("rloo", reward=wild))
    forgets = [value - max(0.0, min(2.0, (i - 30) / 5)) for i, value in enumerate(learns)]
    assert 35 < found("rloo", reward=forgets)["reward-falls"].step < 45


def test_an_entropy_that_collapses_and_one_that_sinks() -> None:
    sinks = [2 - i / 60 for i in range(60)]
    assert "entropy-collapse" not in found("ppo", policy__entropy_avg=sinks)
    collapses = [2 * 0.9**i for i in range(60)]
    finding = found("grpo", entropy=collapses)["entropy-collapse"]
    assert finding.severity == "critical"
    assert finding.step == 14


def test_responses_that_are_cut_and_groups_that_are_alike() -> None:
    asked = {"rollout_batch_size": 64, "response_length": 32}
    ended = [60.0] * 5 + [10.0] * 5
    finding = found("ppo", val__num_eos_tokens=ended, arguments=asked)["responses-cut"]
    assert finding.step == 8
    assert "84% of the responses were cut at response_length (32 tokens)" in finding.sentence
    assert found("grpo", completions__clipped_ratio=[0.9] * 5)["responses-cut"].step == 2
    assert found("rloo", frac_reward_zero_std=[0.2] * 20) == {}
    assert "groups-alike" in found("rloo", frac_reward_zero_std=[0.8] * 20)


def test_dpo_that_makes_the_chosen_unlikely() -> None:
    """Whatever texts a batch holds: their own lengths say nothing."""
    rng = random.Random(7)
    reference = [-rng.uniform(20, 60) for _ in range(60)]
    beta = {"beta": 0.1}

    def of(fall: float) -> dict[str, Any]:
        lost = [-fall * i / 60 * -logp for i, logp in enumerate(reference)]
        return {
            "logps__chosen": [a + b for a, b in zip(reference, lost, strict=True)],
            "rewards__chosen": [0.1 * nats for nats in lost],
            "rewards__margins": [i / 20 for i in range(60)],
        }

    finding = found("dpo", arguments=beta, **of(0.5))["chosen-unlikely"]
    assert 25 < finding.step < 40
    assert "% less; the margin is" in finding.sentence
    assert found("dpo", arguments=beta, **of(0.1)) == {}
    assert found("dpo", **of(0.5)) == {}, "without β nobody can say"


def test_a_critic_that_explains_nothing_gets_the_time_to_learn() -> None:
    assert found("ppo", val__explained_variance=[0.0] * 31)["critic-blind"].step == 29
    assert "critic-blind" not in found("ppo", val__explained_variance=[0.03] * 60)
    blind = [-0.2] * 29
    assert "critic-blind" not in found("ppo", val__explained_variance=blind)
    assert found("ppo", val__explained_variance=[-0.2] * 31)["critic-blind"].step == 29
    warming = {"critic_warmup": 30}
    assert "critic-blind" not in found(
        "ppo", val__explained_variance=[-0.2] * 31, arguments=warming
    )


def test_gradients_that_spike() -> None:
    rng = random.Random(2)
    calm = [1 + rng.random() for _ in range(100)]
    assert "gradient-spikes" not in found("sft", grad_norm=calm)
    once = [*calm[:50], 90.0, *calm[51:]]
    assert "gradient-spikes" not in found("sft", grad_norm=once)
    often = [40.0 if i in (60, 70, 80) else v for i, v in enumerate(calm)]
    finding = found("sft", grad_norm=often)["gradient-spikes"]
    assert (finding.step, finding.until) == (80, None)
    assert "3 of the last 50" in finding.sentence
    later = found("sft", grad_norm=often + calm)["gradient-spikes"]
    assert (later.severity, later.until) == ("note", 130)


def test_a_rate_that_stays_at_zero() -> None:
    assert "rate-zero" not in found("sft", learning_rate=[0.0, *[1e-4] * 50])
    assert "rate-zero" not in found("sft", learning_rate=[1e-4] * 195 + [0.0] * 5)
    finding = found("sft", learning_rate=[0.0] * 20, arguments={"warmup_share": 0.5})["rate-zero"]
    assert finding.step == 4
    assert "warmup_share is 50%" in finding.sentence


def test_a_loss_that_is_no_number() -> None:
    good = [2.0] * 10
    assert found("sft", loss=good) == {}
    finding = found("sft", loss=[*good, math.nan, math.nan])["loss-nan"]
    assert (finding.severity, finding.step) == ("critical", 10)
    assert "loss is no finite number at step 10, 2 times" in finding.sentence
    assert "loss-nan" in found("ppo", loss__value_avg=[1.0, math.inf])
    assert "loss-nan" not in found("sft", loss=[2.0, math.nan, *good])


def test_a_run_that_ended_itself_because_of_such_a_loss() -> None:
    said = "The loss is no finite number at step 3 (epoch 0.1)."
    failed = situation("failed", None, RunExit(5, None, False, 0.0, said), message=said)
    assert set(found("sft", failed)) == {"loss-nan"}


def falling(length: int) -> list[float]:
    rng = random.Random(3)
    return [3 * math.exp(-i / 40) + 1 + rng.gauss(0, 0.05) for i in range(length)]


def test_what_moves_at_all_is_progress() -> None:
    rng = random.Random(4)
    flat = [2 + rng.gauss(0, 0.05) for _ in range(100)]
    assert found("sft", loss=flat)["no-progress"].severity == "warning"
    assert "no-progress" not in found("sft", loss=flat[:59])
    assert "no-progress" not in found("sft", Situation(step=39, total_steps=1000), loss=flat)
    assert "no-progress" not in found("sft", loss=falling(100))
    assert "no-progress" not in found("sft", loss=falling(100) + flat), "it has moved, once"


def test_broken_batches_neither_hide_progress_nor_make_it() -> None:
    def broken(losses: list[float]) -> list[float]:
        return [30.0 if i % 12 == 5 else loss for i, loss in enumerate(losses)]

    assert "no-progress" not in found("sft", loss=broken(falling(100)))
    rng = random.Random(8)
    flat = [2 + rng.gauss(0, 0.05) for _ in range(100)]
    finding = found("sft", loss=broken(flat))["no-progress"]
    assert "was 2.03 over the first 20 points and is 2.01 over the last 20" in finding.sentence


def test_the_level_of_noise_is_its_mean_and_error() -> None:
    rng = random.Random(9)
    values = [rng.gauss(5, 2) for _ in range(4000)]
    mean, error = level(values)
    assert mean == pytest.approx(5, abs=0.1)
    assert error == pytest.approx(2 / math.sqrt(4000), rel=0.15)
    assert level([3.0]) == (3.0, 0.0)


def test_validation_that_rises_and_comes_back() -> None:
    names = {"loss": falling(100)}
    up = [2.0, 1.5, 1.4, 1.5, 1.6, 1.7]
    finding = found("sft", eval_loss=up, **names)["validation-rising"]
    assert (finding.severity, finding.step, finding.until) == ("warning", 4, None)
    assert "lowest at step 2 (1.4) and is 1.7" in finding.sentence
    assert found("rm", eval_loss=[*up, 1.39])["validation-rising"].until == 6
    assert "validation-rising" not in found("sft", eval_loss=[2.0, 1.4, 1.43, 1.42, 1.43, 1.41])
    assert found("dpo", eval_loss=[*up, 3.0])["validation-rising"].severity == "critical"


def test_held_out_accuracy_counts_for_more_than_that_of_the_training_pairs() -> None:
    learnt = [min(1.0, 0.5 + i / 50) for i in range(80)]
    both = {"accuracy": series("accuracy", learnt)}
    both["eval_accuracy"] = series("eval_accuracy", [0.5, 0.49, 0.5, 0.5, 0.5, 0.51], every=15)
    findings = judge("rm", both, state=GOING)
    assert [f.rule.id for f in findings] == ["accuracy-at-chance"]
    assert "51% of held-out pairs" in findings[0].sentence
    both["eval_accuracy"] = series("eval_accuracy", [0.5, 0.6, 0.7, 0.71, 0.7], every=15)
    assert judge("rm", both, state=GOING) == []


TEXTS = ["The plot is thin but the cast is great fun to watch.", " A dull and empty film, sadly."]


def rows(step: int, write: Callable[[int], str]) -> list[SampleRow]:
    return [SampleRow(step, f"Prompt {i}:", write(i), 1.0) for i in range(6)]


def test_samples_that_repeat_themselves() -> None:
    good = rows(0, lambda i: f"{TEXTS[0]} {i}{TEXTS[1]}")
    circling = rows(10, lambda i: f"{i} it is good and it is good and it is good and it is good")
    assert found("ppo", samples=good) == {}
    assert found("ppo", samples=[*good, *rows(5, lambda i: f"{TEXTS[i % 2]} {i}")]) == {}
    finding = found("ppo", samples=[*good, *circling])["samples-repeat"]
    assert (finding.severity, finding.step) == ("warning", 10)
    up = {"objective__scores": [i / 10 for i in range(20)]}
    assert found("ppo", samples=[*good, *circling], **up)["samples-repeat"].severity == "critical"
    beside = [SampleRow(10, row.prompt, row.completion, by="reference") for row in circling]
    assert found("ppo", samples=[*good, *rows(10, lambda i: TEXTS[0] + str(i)), *beside]) == {}


def test_one_text_for_different_prompts() -> None:
    good = rows(0, lambda i: f"{TEXTS[0]} {i}")
    finding = found("grpo", samples=[*good, *rows(5, lambda i: TEXTS[i % 2])])["samples-alike"]
    assert (finding.severity, finding.step) == ("critical", 5)
    assert "100% of 6 prompts" in finding.sentence


def test_how_much_a_text_repeats() -> None:
    assert repeated("a b c a b c a b c") == pytest.approx(4 / 7)
    assert repeated("short and sweet") == 0
    assert repeated(" ".join(map(str, range(100)))) == 0
    assert repeated("好" * 200) > 0.9, "texts without spaces are read by letters"
    turns = [{"role": "assistant", "content": "a b c a b c a b c"}]
    assert told([SampleRow(3, "p", turns)])[0].repeated == pytest.approx(4 / 7)


def machine(**more: Any) -> list[MachineRow]:
    given = {"cpu": 50.0, "ram": 8e9, "ram_total": 16e9, "disk_free": 4e11, "disk_total": 5e11}
    return [MachineRow(time=1000.0 + 10 * i, **(given | more)) for i in range(40)]


def test_what_the_machine_tells() -> None:
    assert found("ppo", machine=machine()) == {}
    assert "98%" in found("ppo", machine=machine(ram=15.7e9))["memory-nearly-full"].sentence
    assert found("sft", machine=machine(disk_free=3e9))["disk-nearly-full"].severity == "warning"
    assert found("sft", machine=machine(disk_free=3e8))["disk-nearly-full"].severity == "critical"
    assert "disk-nearly-full" not in found(
        "sft", machine=machine(disk_free=3e9, disk_total=2e10)
    ), "a small disk of which a good share is free"
    assert found("sft", machine=machine(disk_free=4e8, disk_total=5e8)) == {}
    assert "disk-nearly-full" in found("sft", machine=machine(disk_free=6e7, disk_total=5e8))
    idle = machine(gpus=[GpuRow(0, use=5.0), GpuRow(1, use=15.0)])
    assert "2 GPUs were busy for 10%" in found("ppo", machine=idle)["gpu-idle"].sentence
    assert found("ppo", machine=idle)["gpu-idle"].severity == "note"
    assert found("ppo", machine=idle[:10]) == {}, "it may still be loading"
    assert found("ppo", machine=machine(gpus=[GpuRow(0, use=80.0)])) == {}
    assert found("ppo", Situation("finished"), machine=machine(disk_free=1e8)) == {}


def test_how_a_run_stands() -> None:
    from rlhf_tui.runs.layout import ProcessMark

    status = RunStatus("running", ProcessMark(1, 1.0, "", ""), 1000.0, 7, 50)
    lost = situation("running", status, lost=True, now=1600.0)
    assert "for 10 min; its last step was 7" in found("ppo", lost)["heartbeat-lost"].sentence
    memory = situation("failed", status, RunExit(12, None, True, 0.0, "Memory ran out."))
    assert set(found("ppo", memory)) == {"out-of-memory"}
    killed = situation("failed", status, RunExit(None, 9, False, 0.0))
    assert "step 7 of 50, by signal 9" in found("generate", killed)["run-failed"].sentence
    assert found("ppo", situation("stopped", status)) == {}
    assert "heartbeat-lost" in found("sft", situation("running", None, lost=True))


def test_logs_of_other_programs_are_judged_by_the_names_of_their_metrics() -> None:
    trl = {"train__rewards__margins": [1.0] * 60, "train__rewards__accuracies": [0.5] * 60}
    assert "accuracy-at-chance" in found("log", **trl)
    assert "loss-nan" in found("log", train__loss=[1.0, math.nan])
    assert "validation-rising" in found("log", eval__loss=[2.0, 1.0, 1.2, 1.3])
    assert found("log", anything=[1.0, 2.0]) == {}


def test_long_series_are_thinned_and_keep_their_spikes() -> None:
    rng = random.Random(5)
    values = [rng.random() for _ in range(40_000)]
    values[20_123] = 77.0
    made = series("x", values)
    points = thinned(made)
    assert POINTS / 2 < len(points) <= POINTS
    assert max(points.highs) == 77.0
    assert points.steps[-1] == made.steps[-1]
    grown = series("x", [*values, 0.5])
    assert thinned(grown).lows[:-1] == points.lows[: len(thinned(grown)) - 1]
    assert len(thinned(series("x", [math.nan] * 9))) == 0


def test_a_costly_run_is_looked_at_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    pace = Pace()
    assert pace.due()
    assert not pace.due()
    pace.took(0.001)
    now += EVERY_S
    assert pace.due()
    pace.took(0.1)
    now += EVERY_S
    assert not pace.due()
    now += 23.5
    assert pace.due()
