"""What a metric's name says: what it measures, of which split, in which unit; and searching names.

Trainers call the same thing by many names: `train/loss` (TRL with W&B, TensorBoard), `loss`
(trainer_state.json, LLaMA-Factory), `train_loss_step` (Lightning).
"""

from __future__ import annotations

import re
from functools import lru_cache

from rlhf_tui.errors import UsageError
from rlhf_tui.tracking.patterns import Pattern

_SPLITS = (
    ("train", ("training/", "train/", "training_", "train_")),
    (
        "eval",
        ("evaluation/", "validation/", "valid/", "eval/", "val/", "dev/", "validation_", "valid_",
         "eval_", "val_", "dev_"),
    ),
    ("test", ("test/", "test_")),
)  # fmt: skip
_ALIASES = {
    "lr": "learning_rate",
    "acc": "accuracy",
    "ppl": "perplexity",
    "gradient_norm": "grad_norm",
    "total_loss": "loss",
    "num_input_tokens_seen": "num_tokens",
    "total_tokens": "num_tokens",
}
_FIRST = (
    "loss", "nll_loss", "accuracy", "mean_token_accuracy", "token_accuracy", "reward",
    "objective/scores", "objective/rlhf_reward", "rewards/accuracies", "rewards/margins",
    "rewards/chosen", "rewards/rejected", "kl", "objective/kl", "loss/policy_avg",
    "loss/value_avg", "policy/clipfrac_avg", "policy/entropy_avg", "grad_norm", "learning_rate",
    "entropy", "perplexity", "f1", "margin", "completions/mean_length", "response_length",
)  # fmt: skip
_LAST = re.compile(
    r"(^|[_/])(runtime|samples_per_second|steps_per_second|total_flos|num_tokens|num_samples"
    r"|episode|optimizer_steps|global_step|epoch|timestamp|progress|percentage|remaining_time"
    r"|elapsed_time|throughput|train_loss_mean)$|^_"
)
_UNITS: tuple[tuple[str, str], ...] = (
    (r"tokens_per_second|throughput$", "tokens a second"),
    (r"(samples|completions|steps)_per_second", "a second"),
    (r"accurac(y|ies)$|(^|[_/])(acc|share|frac|fraction|ratio|f1|precision|recall|auc|ece)($|[_/])"
     r"|clipfrac", "share"),
    (r"(_|/|^)length|num_(input_)?tokens|total_tokens|_tokens$", "tokens"),
    (r"(^|[_/])time($|[_/])|runtime$|seconds$", "s"),
    (r"grad(ient)?_norm", "L2"),
    (r"(^|[_/])(learning_rate|lr)($|[-_/])", "a step"),
    (r"perplexity|ppl$", "e to the loss"),
    (r"(^|[_/])(kl|approxkl|entropy|logps?|logp)($|[_/])", "nats"),
    (r"num_samples$|episode$", "samples"),
    (r"epoch$", "passes over the data"),
)  # fmt: skip
_RULES = [(re.compile(pattern), unit) for pattern, unit in _UNITS]
_META = re.compile(r"[\\^$*+?{}\[\]()|]")
LONGEST = 200
"""Characters of a name that are searched: foreign files name metrics as they please."""


@lru_cache(maxsize=1024)
def parts(name: str) -> tuple[str, str]:
    """What a metric measures, and of which split: `train/lr` is ("learning_rate", "train").

    The split is empty where the name tells none; Lightning's `_step` and `_epoch` are left off.
    """
    plain = name.lower()
    split = ""
    for of, prefixes in _SPLITS:
        prefix = next((p for p in prefixes if plain.startswith(p) and len(plain) > len(p)), "")
        if prefix:
            plain, split = plain[len(prefix) :], of
            break
    for suffix in ("_step", "_epoch"):
        if split and plain.endswith(suffix) and len(plain) > len(suffix):
            plain = plain.removesuffix(suffix)
    if plain.startswith(("lr-", "lr/")):
        plain = "lr"
    return _ALIASES.get(plain, plain), split


def same(name: str) -> tuple[str, bool]:
    """Equal for names by which different programs log the same thing."""
    stem, split = parts(name)
    return stem, split in ("eval", "test")


def place(name: str) -> tuple[int, bool, str]:
    """Sorts names as people want to see them: the loss first, bookkeeping last."""
    stem, split = parts(name)
    if stem in _FIRST:
        return _FIRST.index(stem), split in ("eval", "test"), name
    rank = len(_FIRST) + (split in ("eval", "test"))
    return rank + 2 * bool(_LAST.search(stem) or _LAST.search(name)), False, name


def unit_of(name: str) -> str:
    """The unit that a name tells; empty where it tells none."""
    stem = parts(name)[0]
    return next((unit for rule, unit in _RULES if rule.search(stem)), "")


class Matcher:
    """Tells whether a name is what a query looks for; upper and lower case alike."""

    def __init__(self, query: str) -> None:
        """
        Args:
            query: a regular expression between slashes, or with characters that only such a one
                has; else words, all of which the name holds.

        Raises:
            UsageError: a regular expression that cannot be read, with the place.
        """
        query = query.strip()
        slashed = len(query) > 2 and query.startswith("/") and query.endswith("/")
        self._words = query.lower().split()
        self._pattern: Pattern | None = None
        if not slashed and not _META.search(query):
            return
        expression = query[1:-1] if slashed else query
        try:
            self._pattern = Pattern(expression, expression)
        except re.error as error:
            at = "" if error.pos is None else f" at character {error.pos + 1}"
            raise UsageError(
                f"The regular expression {expression!r} cannot be read: {error.msg}{at}."
            ) from None
        except (OverflowError, RecursionError) as error:
            raise UsageError(
                f"The regular expression {expression!r} cannot be read: {error}."
            ) from None

    @property
    def problem(self) -> str:
        """Why it finds nothing any more, as a sentence: it took too long."""
        return self._pattern.problem if self._pattern is not None else ""

    def __call__(self, name: str) -> bool:
        if self._pattern is not None:
            return self._pattern.holds(name[:LONGEST])
        return all(word in name.lower() for word in self._words)


@lru_cache(maxsize=64)
def matcher(query: str) -> Matcher:
    """What a query looks for; the same again for the same query, with what it took so far.

    Raises:
        UsageError: as of `Matcher`.
    """
    return Matcher(query)
