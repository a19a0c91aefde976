"""Dawid-Skene and Bradley-Terry on worlds of which the truth is known."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rlhf_tui.errors import HubError, InputError
from rlhf_tui.evaluation import worker_process
from rlhf_tui.evaluation.reliability import (
    MODELS,
    Votes,
    bradley_terry,
    dawid_skene,
    negative_log_posterior,
)

# crowd-kit still names an argument that pandas is about to drop.
pytestmark = pytest.mark.filterwarnings("ignore:.*copy.*", "ignore::DeprecationWarning")


def votes(*rows: tuple[int, str, bool]) -> Votes:
    """Of (question, annotator, answer); each question is about two completions of its own."""
    question = np.array([row[0] for row in rows])
    return Votes(
        question=question,
        first=question * 2,
        second=question * 2 + 1,
        annotator=np.array([row[1] for row in rows]),
        answer=np.array([row[2] for row in rows]),
    )


def world(shares: dict[str, float], count: int) -> tuple[Votes, np.ndarray]:
    """Each person answers every question, rightly with their share; and the truth."""
    draw = np.random.default_rng(0)
    truth = draw.random(count) < 0.5
    rows = [
        (number, name, bool(truth[number] == (draw.random() < share)))
        for name, share in shares.items()
        for number in range(count)
    ]
    return votes(*rows), truth


@pytest.mark.parametrize("name", MODELS)
def test_a_lone_answer_stands_and_a_draw_of_equals_stays_one(name: str) -> None:
    outcome = MODELS[name](votes((0, "a", True), (1, "a", False), (2, "a", True), (2, "b", False)))
    assert outcome.question.tolist() == [0, 1, 2]
    assert outcome.probability[0] > 0.9
    assert outcome.probability[1] < 0.1
    lone_draw = MODELS[name](votes((0, "a", True), (0, "b", False)))
    assert lone_draw.probability.tolist() == pytest.approx([0.5])


@pytest.mark.parametrize("name", MODELS)
def test_the_reliable_one_outvotes_two_who_guess(name: str) -> None:
    asked, truth = world({"good": 0.95, "fair": 0.85, "guess": 0.5, "coin": 0.5}, 400)
    outcome = MODELS[name](asked)
    reliability = outcome.reliability
    assert (
        reliability["good"] > reliability["fair"] > max(reliability["guess"], reliability["coin"])
    )
    right = ((outcome.probability > 0.5) == truth).mean()
    answers = asked.answer.reshape(4, 400).sum(axis=0)
    majority = np.where(answers == 2, 0.5, (answers > 2) == truth).mean()
    assert right > majority
    assert right > 0.9, "following the good one alone would make 0.95"


def test_the_mirrored_form_is_the_one_coin_model() -> None:
    """crowd-kit has that model as a class of its own, made another way."""
    import pandas as pd
    from crowdkit.aggregation import OneCoinDawidSkene

    asked, _ = world({"a": 0.9, "b": 0.8, "c": 0.6}, 60)
    outcome = dawid_skene(asked)
    both = pd.DataFrame(
        {
            "task": np.concatenate([asked.question, asked.question + 1000]),
            "worker": np.concatenate([asked.annotator, asked.annotator]),
            "label": np.concatenate([asked.answer, ~asked.answer]).astype(int),
        }
    )
    other = OneCoinDawidSkene(n_iter=100).fit(both)
    assert outcome.reliability == pytest.approx(dict(other.skills_), abs=1e-3)
    expected = other.probas_[1].loc[outcome.question].to_numpy()
    assert outcome.probability == pytest.approx(expected, abs=1e-2)


def test_the_gradient_is_that_of_the_posterior() -> None:
    from scipy.optimize import check_grad

    draw = np.random.default_rng(1)
    first = draw.integers(0, 6, 30)
    second = (first + 1 + draw.integers(0, 5, 30)) % 6
    fixed = (first, second, draw.integers(0, 3, 30), draw.choice([-1.0, 1.0], 30), 6)
    wrong = check_grad(
        lambda x: negative_log_posterior(x, *fixed)[0],
        lambda x: negative_log_posterior(x, *fixed)[1],
        draw.normal(size=9),
    )
    assert wrong < 1e-4


def test_bradley_terry_makes_one_order_of_several_rankings() -> None:
    """a > b > c by two people, c > a by a third, who is alone with everything."""
    rows = [(0, 0, 1), (1, 0, 2), (2, 1, 2)]
    said = {"x": (True, True, True), "y": (True, True, True), "z": (False, False, False)}
    flat = [(q, a, b, name, said[name][q]) for name in said for q, a, b in rows]
    columns = list(zip(*flat, strict=True))
    outcome = bradley_terry(
        Votes(*(np.array(column) for column in columns[:3]), *(np.array(c) for c in columns[3:]))
    )
    p_ab, p_ac, p_bc = outcome.probability
    assert min(p_ab, p_ac, p_bc) > 0.5
    assert p_ac > max(p_ab, p_bc), "the ends of the order are the furthest apart"
    # Beta(10, 2) weighs as much as ten answers, so that three change its middle of 0.9 a little.
    assert outcome.reliability["z"] < 0.9 < outcome.reliability["x"]


def test_it_runs_in_a_process_of_its_own_and_refuses_with_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no model 'dawid-skeen'.*Did you mean 'dawid-skene'"):
        worker_process.compute(
            "rlhf_tui.evaluation.reliability", ["dawid-skeen", "x", "y"], what="It"
        )
    with pytest.raises(HubError, match=r"It was not computed: .*nowhere\.parquet"):
        worker_process.compute(
            "rlhf_tui.evaluation.reliability",
            ["dawid-skene", str(tmp_path / "nowhere.parquet"), "y"],
            what="It",
        )


def test_a_process_that_hangs_or_is_killed_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "hangs.py").write_text("import threading; threading.Event().wait()")
    (tmp_path / "dies.py").write_text("import os; os.kill(os.getpid(), 9)")
    with pytest.raises(HubError, match="It was not computed within"):
        worker_process.compute("hangs", [], what="It", limit_s=0.5)
    with pytest.raises(HubError, match=r"signal 9.*memory ran out"):
        worker_process.compute("dies", [], what="It")


def test_it_yields_to_everything_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "asked.py").write_text(
        "import os, sys\n"
        "from rlhf_tui.evaluation.worker_process import told\n"
        "sys.exit(told(lambda argv: print(os.nice(0), *argv)))"
    )
    own = subprocess.run(
        [sys.executable, "-c", "import os; print(os.nice(0))"],
        capture_output=True,
        text=True,
        check=True,
    )
    found = worker_process.compute("asked", ["a", "b"], what="It").split()
    assert found == [str(min(19, int(own.stdout) + 10)), "a", "b"]
