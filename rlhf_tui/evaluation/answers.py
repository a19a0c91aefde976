"""A policy's own answers to held-out prompts: what they are worth to the rewards of its run."""

from __future__ import annotations

import msgspec
import numpy as np

from rlhf_tui.config.online_options import OnlineOptions
from rlhf_tui.config.options import OPTIONS
from rlhf_tui.evaluation import intervals
from rlhf_tui.evaluation.measuring import responses
from rlhf_tui.evaluation.model_report import Evaluation
from rlhf_tui.evaluation.subject import Rows, Subject, mean_of, prompts_of, reference_of
from rlhf_tui.training import models
from rlhf_tui.training.models import Loaded
from rlhf_tui.training.rendering import Row


def measure_answers(subject: Subject, rows: Rows, found: Evaluation) -> None:
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
        subject.renderer.decode(text, ids, response.written)
        for text, ids, response in zip(texts, prompts, written, strict=True)
    ]
    worth = sources.score(texts, completions)
    token_rows = [Row(ids, one.tokens) for ids, one in zip(prompts, written, strict=True)]
    own = responses(subject.model, token_rows, subject.forward())
    other = reference_of(subject)(token_rows)
    answers = [
        Answered(text, completion, reward, a.logprob - b.logprob, len(one.tokens), one.ended)
        for text, completion, reward, a, b, one in zip(
            texts, completions, worth, own, other, written, strict=True
        )
    ]
    if subject.context is not None:
        report(subject.context, len(rows), answers, samples=options.samples)
    prompt = prompts_of(rows)
    reward = np.array(worth)
    known = ~np.isnan(reward)
    found.figures += [
        mean_of("reward", reward[known], prompt[known]),
        mean_of("kl", np.array([answer.kl for answer in answers]), prompt),
        mean_of("response_length", np.array([answer.length for answer in answers]), prompt),
        intervals.share(
            "eos_share",
            np.array([float(a.ended) for a in answers]),
            prompt,
            "EOS share: answers that the policy ended by itself.",
        ),
    ]
    found.notes.append(
        "One answer to each prompt, at the temperature of training; rewards are the sources' own,"
        " and the KL is the summed log-ratio to the starting policy, nats a response."
    )
