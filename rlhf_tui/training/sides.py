"""Rows of a data set as the sides that a trainer feeds to its model: tokens, and what is learnt.

A pair has two sides, any other row has one. The tokens come from the trainers' own functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rlhf_tui.config.options import (
    EvaluateOptions,
    GenerateOptions,
    OnlineOptions,
    Options,
    SFTOptions,
)
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.runs.rendered import Lengths, Piece
from rlhf_tui.training.data import IGNORED, Row
from rlhf_tui.training.rendering import DECODE_CONTEXT


@dataclass(frozen=True)
class Side:
    """One sequence of tokens."""

    title: str
    ids: list[int]
    learnt: list[bool]
    """Of each token, whether the loss is taken on it (or the score read at it)."""
    prompt: int
    """Tokens in front of the response, where that is known."""


class Sides:
    """The sides of rows, for one kind of run."""

    def __init__(self, kind: RunKind, options: Options, renderer: Any) -> None:
        """
        Args:
            renderer: a `rendering.Renderer`.
        """
        self._kind = kind
        self._options = options
        self._renderer = renderer

    def of(self, rows: Sequence[Row]) -> list[list[Side]]:
        """The sides of each row.

        Raises:
            InputError: a row cannot be rendered.
        """
        if not rows:
            return []
        if "chosen" in rows[0]:
            return self._scored(rows) if self._kind == "rm" else self._pairs(rows)
        if "completion" in rows[0] and isinstance(self._options, SFTOptions):
            return self._examples(rows, self._options)
        if "completion" in rows[0]:
            return self._thumbs(rows)
        return self._prompts(rows)

    def _examples(self, rows: Sequence[Row], options: SFTOptions) -> list[list[Side]]:
        from rlhf_tui.training.sft import tokens

        made = tokens(list(rows), self._renderer, options)
        known = tokens(list(rows), self._renderer, SFTOptions())
        return [
            [
                Side(
                    "example",
                    row["input_ids"],
                    _predicted([label != IGNORED for label in row["labels"]]),
                    sum(label == IGNORED for label in response["labels"]),
                )
            ]
            for row, response in zip(made, known, strict=True)
        ]

    def _scored(self, rows: Sequence[Row]) -> list[list[Side]]:
        prompts = [row["prompt"] for row in rows]
        sides = []
        for title in ("chosen", "rejected"):
            texts = self._renderer.scored(prompts, [row[title] for row in rows])
            sides.append([Side(title, ids, [False] * (len(ids) - 1) + [True], 0) for ids in texts])
        return [[better, worse] for better, worse in zip(*sides, strict=True)]

    def _pairs(self, rows: Sequence[Row]) -> list[list[Side]]:
        from rlhf_tui.training.dpo import tokens

        if isinstance(self._options, EvaluateOptions):
            # Measured each by itself: an over-long prompt is cut for its own completion.
            sides = [self._answers(rows, title) for title in ("chosen", "rejected")]
            return [[better, worse] for better, worse in zip(*sides, strict=True)]
        weighed = [{**row, "weight": row.get("weight", 1.0)} for row in rows]
        return [
            [
                _answered(title, row["prompt_ids"], row[f"{title}_ids"])
                for title in ("chosen", "rejected")
            ]
            for row in tokens(weighed, self._renderer)
        ]

    def _answers(self, rows: Sequence[Row], name: str) -> list[Side]:
        prompts = [row["prompt"] for row in rows]
        made = self._renderer.rows(prompts, [row[name] for row in rows])
        return [_answered(name, one.prompt, one.completion) for one in made]

    def _thumbs(self, rows: Sequence[Row]) -> list[list[Side]]:
        prompts = [row["prompt"] for row in rows]
        rendered = self._renderer.rows(prompts, [row["completion"] for row in rows])
        return [
            [_answered(_title(row), made.prompt, made.completion)]
            for row, made in zip(rows, rendered, strict=True)
        ]

    def _prompts(self, rows: Sequence[Row]) -> list[list[Side]]:
        room = 0
        if isinstance(self._options, OnlineOptions):
            room = self._options.response_length
        elif isinstance(self._options, GenerateOptions):
            room = self._options.max_new_tokens
        texts = self._renderer.prompts([row["prompt"] for row in rows], room=room)
        return [[Side("prompt", ids, [False] * len(ids), len(ids))] for ids in texts]


def _title(row: Row) -> str:
    if "label" not in row:
        return "example"
    return "thumb up" if row["label"] else "thumb down"


def _answered(title: str, prompt: list[int], completion: list[int]) -> Side:
    learnt = [False] * len(prompt) + [True] * len(completion)
    return Side(title, prompt + completion, _predicted(learnt), len(prompt))


def _predicted(learnt: list[bool]) -> list[bool]:
    """The first token of all is predicted by nothing."""
    return [False, *learnt[1:]]


def pieces(tokenizer: Any, side: Side) -> list[Piece]:
    """A side as stretches of text: special tokens by name, the others as they decode together."""
    special = special_ids(tokenizer)
    found: list[Piece] = []
    start = 0
    while start < len(side.ids):
        learnt, name = side.learnt[start], side.ids[start] in special
        end = start + 1
        while (
            not name
            and end < len(side.ids)
            and side.learnt[end] == learnt
            and side.ids[end] not in special
        ):
            end += 1
        text = (
            str(tokenizer.convert_ids_to_tokens(side.ids[start]))
            if name
            else _decoded(tokenizer, side.ids, start, end)
        )
        found.append(Piece(text, learnt=learnt, special=name))
        start = end
    return found


def special_ids(tokenizer: Any) -> frozenset[int]:
    """All tokens that are no text: EOS and its like, and a template's own marks."""
    added = getattr(tokenizer, "added_tokens_decoder", {})
    marks = {int(number) for number, token in added.items() if getattr(token, "special", False)}
    return frozenset({*tokenizer.all_special_ids, *marks})


def _decoded(tokenizer: Any, ids: list[int], start: int, end: int) -> str:
    """Tokens `start` to `end` as text, decoded behind those before them: some tokenizers drop the
    space in front of the first one."""
    before = ids[max(0, start - DECODE_CONTEXT) : start]
    head, whole = (
        tokenizer.decode(part, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        for part in (before, before + ids[start:end])
    )
    if whole.startswith(head):
        return str(whole[len(head) :])
    return str(
        tokenizer.decode(
            ids[start:end], skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
    )


def lengths(sides: Sequence[Sequence[Side]]) -> Lengths:
    """Of all sides of all rows, in tokens."""
    every = [side for some in sides for side in some]
    count = max(1, len(every))
    return Lengths(
        texts=len(every),
        mean=sum(len(side.ids) for side in every) / count,
        longest=max((len(side.ids) for side in every), default=0),
        prompt=sum(side.prompt for side in every) / count,
    )
