"""The figures of each kind of run on rows that it has not learnt from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from rlhf_tui.config.online_options import OnlineOptions
from rlhf_tui.config.options import OPTIONS
from rlhf_tui.evaluation import intervals
from rlhf_tui.evaluation.human_reference import human_reference
from rlhf_tui.evaluation.judged import Array
from rlhf_tui.evaluation.measuring import Forward, Said, responses, rewards
from rlhf_tui.evaluation.model_report import Evaluation
from rlhf_tui.evaluation.preference_figures import RULE, preference_figures, rank_accuracy
from rlhf_tui.evaluation.report import Figure
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.training import models
from rlhf_tui.training.models import Loaded
from rlhf_tui.training.precision import precision_of
from rlhf_tui.training.rendering import Renderer, Row, rendering_for, saved_rendering

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext

ANYTHING = (-math.inf, math.inf)
Rows = Sequence[dict[str, Any]]


@dataclass
class Subject:
    """A model, and all that is needed to measure it."""

    kind: RunKind
    arguments: dict[str, Any]
    """Of the run that made it."""
    model: Any
    tokenizer: Any
    renderer: Renderer
    batch_size: int
    precision: str
    """As the option of that name."""
    reference: Any
    """A frozen policy; None: the model with its adapter off, or the run's starting model."""
    cwd: Path
    """Where the run was launched that made it: reward functions are imported from there."""
    seed: int
    context: RunContext | None = None
    """Gets samples of a policy's answers; None: nobody does."""

    @property
    def device(self) -> Any:
        return next(self.model.parameters()).device

    def forward(self) -> Forward:
        return Forward(
            models.fill_token(self.tokenizer),
            self.batch_size,
            precision_of(self.precision, self.device),
        )


def renderer_of(
    model: Any, tokenizer: Any, kind: RunKind, max_length: int, saved: Path | None
) -> Renderer:
    """How rows are read: as in training.

    Args:
        saved: a finished reward model's folder, which says how it reads; None while it is made.
    """
    if kind == "rm" and saved is not None:
        return Renderer(tokenizer, saved_rendering(saved, tokenizer))
    context = models.context_length(Loaded(model, tokenizer, ""))
    return Renderer(tokenizer, rendering_for(tokenizer, max_length, context))


def measure(subject: Subject, rows: Rows, people: Rows) -> Evaluation:
    """The evaluation, without where its rows come from.

    Args:
        rows: to measure on.
        people: of the same kind, by which the agreement of people is told.
    """
    found = Evaluation(subject.kind, "validation", len(rows))
    match subject.kind:
        case "rm":
            _reward_model(subject, rows, found)
        case "dpo":
            _dpo(subject, rows, found)
        case "kto":
            _kto(subject, rows, found)
        case "sft":
            _language(subject, rows, found)
        case _:
            _answers(subject, rows, found)
    if subject.kind in ("rm", "dpo", "kto"):
        found.human = human_reference(people)
    return found


# --- preferences ----------------------------------------------------------------------------


def _reward_model(subject: Subject, rows: Rows, found: Evaluation) -> None:
    prompts = [row["prompt"] for row in rows]
    chosen = subject.renderer.scored(prompts, [row["chosen"] for row in rows])
    rejected = subject.renderer.scored(prompts, [row["rejected"] for row in rows])
    scores = rewards(subject.model, [*chosen, *rejected], subject.forward())
    _preferences(rows, np.array(scores[: len(rows)]), np.array(scores[len(rows) :]), found)
    found.figures.append(_mean("mean_reward", np.array(scores), np.tile(_prompts(rows), 2)))


def _dpo(subject: Subject, rows: Rows, found: Evaluation) -> None:
    """Implicit rewards β·(log π - log π_ref), summed over the response (Rafailov 2023)."""
    prompts = [row["prompt"] for row in rows]
    sides = [
        token_row
        for name in ("chosen", "rejected")
        for token_row in subject.renderer.rows(prompts, [row[name] for row in rows])
    ]
    implicit = _implicit(subject, sides)
    _preferences(rows, implicit[: len(rows)], implicit[len(rows) :], found)
    found.notes.append("Scores are DPO's implicit rewards, β·log π/π_ref of whole responses.")


def _preferences(rows: Rows, chosen: Array, rejected: Array, found: Evaluation) -> None:
    first = [
        str(row.get("chosen_id") or row["chosen"]) < str(row.get("rejected_id") or row["rejected"])
        for row in rows
    ]
    weight = np.array([row["weight"] for row in rows], dtype=float)
    found.preference = preference_figures(
        chosen, rejected, weight, _prompts(rows), np.array(first, dtype=bool)
    )


def _kto(subject: Subject, rows: Rows, found: Evaluation) -> None:
    """Implicit rewards of liked and disliked responses (Ethayarajh 2024)."""
    token_rows = subject.renderer.rows(
        [row["prompt"] for row in rows], [row["completion"] for row in rows]
    )
    implicit = _implicit(subject, token_rows)
    label = np.array([bool(row["label"]) for row in rows])
    weight = np.array([float(row.get("weight") or 1.0) for row in rows])
    prompt = _prompts(rows)
    right = (np.sign(np.where(label, implicit, -implicit)) + 1) / 2
    found.figures += [
        intervals.share(
            "sign_accuracy",
            right,
            prompt,
            "Thumbs up with an implicit reward above 0, thumbs down below; 0 is half right.",
            weight,
        ),
        intervals.jackknife(
            "auc",
            lambda mask: rank_accuracy(implicit[mask], label[mask], weight[mask]),
            prompt,
            len(rows),
            "How often a liked response has more implicit reward than a disliked one; 0.5 is"
            " chance.",
            (0.0, 1.0),
        ),
        *(
            _mean(name, implicit[some], prompt[some], weight[some])
            for name, some in (("reward_liked", label), ("reward_disliked", ~label))
        ),
    ]


def _implicit(subject: Subject, rows: Sequence[Row]) -> Array:
    """β·(log π - log π_ref) of each row's response: [n]."""
    own = responses(subject.model, rows, subject.forward())
    other = _reference(subject)(rows)
    beta = float(subject.arguments["beta"])
    pairs = zip(own, other, strict=True)
    return np.array([beta * (a.logprob - b.logprob) for a, b in pairs])


def _reference(subject: Subject) -> Callable[[Sequence[Row]], list[Said]]:
    """The starting policy's word on rows."""
    how = subject.forward()
    if subject.reference is not None:
        return lambda rows: responses(subject.reference, rows, how)
    if hasattr(subject.model, "disable_adapter"):

        def without_adapter(rows: Sequence[Row]) -> list[Said]:
            with subject.model.disable_adapter():
                return responses(subject.model, rows, how)

        return without_adapter
    loaded = models.load_policy(str(subject.arguments["model"]), subject.device, trained=False)
    return lambda rows: responses(loaded.model, rows, how)


# --- language -------------------------------------------------------------------------------


def _language(subject: Subject, rows: Rows, found: Evaluation) -> None:
    """Loss a response token, over all tokens alike, and how often the likeliest one was meant."""
    token_rows = subject.renderer.rows(
        [row["prompt"] for row in rows], [row["completion"] for row in rows]
    )
    said = responses(subject.model, token_rows, subject.forward())
    nats = np.array([-one.logprob for one in said])
    tokens = np.array([one.tokens for one in said])
    hits = np.array([one.hits for one in said])
    prompt = _prompts(rows)
    count = int(tokens.sum())
    rule = "Over the tokens of responses, EOS included; those of one prompt are not independent."

    def ratio(name: str, of: Array, shape: Callable[[float], float] = lambda x: x) -> Figure:
        return intervals.jackknife(
            name,
            lambda mask: shape(float(of[mask].sum() / tokens[mask].sum())) if mask.any() else None,
            prompt,
            count,
            rule,
            (0.0, 1.0) if name == "token_accuracy" else (0.0, math.inf),
        )

    found.figures += [
        ratio("loss", nats),
        ratio("perplexity", nats, lambda loss: math.exp(min(loss, 700.0))),
        ratio("token_accuracy", hits),
    ]


# --- answers --------------------------------------------------------------------------------


def _answers(subject: Subject, rows: Rows, found: Evaluation) -> None:
    """What a policy's own answers are worth to its run's rewards, and how far it has gone."""
    from rlhf_tui.generation.sampler import Sampling, sample, uniforms
    from rlhf_tui.training.held_out import Answered, report
    from rlhf_tui.training.rewards.weighted import make_rewards

    options = msgspec.convert(subject.arguments, OPTIONS[subject.kind])
    assert isinstance(options, OnlineOptions)
    sources = make_rewards(options, subject.device, subject.cwd, partial=True)
    texts = [row["prompt"] for row in rows]
    prompts = subject.renderer.prompts(texts, room=options.response_length)
    sampling = Sampling(
        max_new_tokens=options.response_length,
        stop=models.stop_tokens(Loaded(subject.model, subject.tokenizer, "")),
        fill=models.fill_token(subject.tokenizer),
        temperature=options.temperature,
    )
    written = []
    for start in range(0, len(prompts), subject.batch_size):
        some = prompts[start : start + subject.batch_size]
        keys = [f"{row.get('prompt_id', at)}" for at, row in enumerate(rows)][
            start : start + len(some)
        ]
        numbers = uniforms(subject.seed, keys, options.response_length)
        written += sample(subject.model, some, numbers, sampling)
    completions = [
        subject.renderer.decode(text, ids, response.tokens)
        for text, ids, response in zip(texts, prompts, written, strict=True)
    ]
    worth = sources.score(texts, completions)
    token_rows = [Row(ids, one.tokens) for ids, one in zip(prompts, written, strict=True)]
    own = responses(subject.model, token_rows, subject.forward())
    other = _reference(subject)(token_rows)
    answers = [
        Answered(text, completion, reward, a.logprob - b.logprob, len(one.tokens), one.ended)
        for text, completion, reward, a, b, one in zip(
            texts, completions, worth, own, other, written, strict=True
        )
    ]
    if subject.context is not None:
        report(subject.context, len(rows), answers)
    prompt = _prompts(rows)
    reward = np.array(worth)
    known = ~np.isnan(reward)
    found.figures += [
        _mean("reward", reward[known], prompt[known]),
        _mean("kl", np.array([answer.kl for answer in answers]), prompt),
        _mean("response_length", np.array([answer.length for answer in answers]), prompt),
        intervals.share(
            "eos_share", np.array([float(a.ended) for a in answers]), prompt, "Ended by themselves."
        ),
    ]
    found.notes.append(
        "One answer to each prompt, at the temperature of training; rewards are the sources' own,"
        " and the KL is the summed log-ratio to the starting policy, nats a response."
    )


# --- shared ---------------------------------------------------------------------------------


def _prompts(rows: Rows) -> Array:
    """[n] what each row's interval takes as one case."""
    return np.array([str(row.get("prompt_id", place)) for place, row in enumerate(rows)])


def _mean(name: str, values: Array, prompt: Array, weight: Array | None = None) -> Figure:
    return intervals.jackknife(
        name,
        lambda mask: (
            float(np.average(values[mask], weights=None if weight is None else weight[mask]))
            if mask.any()
            else None
        ),
        prompt,
        len(values),
        RULE if name == "mean_reward" else "Mean over rows; those of one prompt hang together.",
        ANYTHING,
    )
