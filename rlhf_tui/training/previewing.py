"""Examples as a model will read them: a short program beside the hub, niced, that loads no weights.

Tokens and labels are made by the functions that the trainers themselves call, from the tokenizer
and the config of the model that the run would start from.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from rlhf_tui.config.options import (
    OPTIONS,
    EvaluateOptions,
    GenerateOptions,
    GroupOptions,
    OnlineOptions,
    Options,
    SFTOptions,
)
from rlhf_tui.errors import InputError, NothingToDo
from rlhf_tui.evaluation.worker_process import told
from rlhf_tui.runs.evaluated import evaluated
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.runs.rendered import ANSWER, MEASURED, REQUEST, Example, Rendered, RenderRequest
from rlhf_tui.training.process import QUIET

PACKED_AT_MOST = 20_000
"""Rows that are packed to count them; of more the number is worked out from their mean length."""


def render(request: RenderRequest) -> Rendered:
    """The first rows of a snapshot as pieces, and how long its texts are.

    Raises:
        InputError: the tokenizer cannot be loaded, or a row cannot be rendered.
        NothingToDo: the file holds no rows.
    """
    from rlhf_tui.training.data import read_rows

    options = msgspec.convert(request.options, OPTIONS[request.kind])
    if isinstance(options, GenerateOptions) and options.endpoint:
        raise InputError("The server renders what it is sent: how, is not known here.")
    kind = request.kind
    path = Path(request.dataset) / f"{request.split}.parquet"
    rows = read_rows(path, ["prompt"])
    if not rows:
        raise NothingToDo(f"The {request.split} split holds no rows.")
    if not isinstance(options, EvaluateOptions):
        return _Rendering(kind, options, renderer_of(kind, options)).of(rows, request.examples)
    made = evaluated(options.model)
    renderer = renderer_of(made.kind, options)
    shown: Options = options
    if issubclass(OPTIONS[made.kind], OnlineOptions):
        # Its answers are as long as in training, which is what its prompts leave room for.
        shown = msgspec.convert(made.arguments, OPTIONS[made.kind])
    return _Rendering(made.kind, shown, renderer).of(rows, request.examples)


def renderer_of(kind: RunKind, options: Options) -> Any:
    """The renderer that a run of these options would make, without its model.

    Raises:
        InputError: there is no tokenizer or config to be loaded.
    """
    from rlhf_tui.training import models
    from rlhf_tui.training.rendering import Renderer, rendering_for, saved_rendering

    ref = str(getattr(options, "model", ""))
    tokenizer = models.load_tokenizer(ref)
    if isinstance(options, EvaluateOptions) and kind == "rm":
        return Renderer(tokenizer, saved_rendering(ref, tokenizer))
    room = context_of(ref)
    longest = getattr(options, "max_length", room)
    if isinstance(options, GroupOptions | GenerateOptions):
        longest = min(longest, room)
    return Renderer(tokenizer, rendering_for(tokenizer, longest, room))


def context_of(ref: str) -> int:
    """Tokens that a model takes, by its config alone.

    Raises:
        InputError: it has none that can be loaded.
    """
    from transformers import AutoConfig

    from rlhf_tui.training import adapters, model_files, models

    where = adapters.fetched(ref)
    if (Path(where) / model_files.ADAPTER).exists():
        where, _ = adapters.chain(Path(where))
    with models.sentences(ref):
        config = AutoConfig.from_pretrained(where)
    shell: Any = SimpleNamespace(config=config)
    return models.context_length(models.Loaded(shell, None, ref))


class _Rendering:
    """One data set, rendered by one renderer."""

    def __init__(self, kind: RunKind, options: Options, renderer: Any) -> None:
        from rlhf_tui.training.rendering import Renderer
        from rlhf_tui.training.sides import Sides

        self._options = options
        self._renderer = renderer
        endless = msgspec.structs.replace(renderer.rendering, max_length=10**9)
        self._sides = Sides(kind, options, renderer)
        self._whole = Sides(kind, options, Renderer(renderer.tokenizer, endless))

    def of(self, rows: list[dict[str, Any]], count: int) -> Rendered:
        from rlhf_tui.training.sides import lengths, pieces

        shown = rows[:count]
        examples = [
            Example(
                title=side.title,
                pieces=pieces(self._renderer.tokenizer, side),
                tokens=len(side.ids),
                cut=max(0, len(full.ids) - len(side.ids)),
                row=place,
            )
            for place, (some, whole) in enumerate(
                zip(self._sides.of(shown), self._whole.of(shown), strict=True), start=1
            )
            for side, full in zip(some, whole, strict=True)
        ]
        packing = isinstance(self._options, SFTOptions) and self._options.packing
        everything = packing and len(rows) <= PACKED_AT_MOST
        step = 1 if everything else max(1, len(rows) // MEASURED)
        self._renderer.overlong.seen = self._renderer.overlong.prompts_cut = 0
        self._renderer.overlong.completions_cut = 0
        measured = self._sides.of(rows[::step])
        found = Rendered(examples=examples, lengths=lengths(measured))
        if everything:
            found.packed_rows = self._packed([side for some in measured for side in some])
        found.notes = self._notes(rows, len(measured))
        return found

    def _packed(self, sides: Sequence[Any]) -> int:
        from rlhf_tui.training.packing import pack

        rows = [{"input_ids": side.ids, "labels": side.ids} for side in sides]
        return len(pack(rows, self._renderer.rendering.max_length))

    def _notes(self, rows: Sequence[dict[str, Any]], measured: int) -> list[str]:
        notes = [f"Lengths are those of {measured:,} of {len(rows):,} rows."]
        if cut := self._renderer.overlong.report():
            notes.append(cut)
        dialogues = any(not isinstance(row["prompt"], str) for row in rows)
        if dialogues and self._renderer.rendering.messages == "plain":
            notes.append(
                "The tokenizer has no chat template: conversations are written as plain dialogue."
            )
        if isinstance(self._options, SFTOptions) and self._options.packing:
            notes.append(
                "With packing a row of the batch holds several of these one after the other; none"
                " sees another, and the first token of each is never learnt."
            )
        if isinstance(self._options, OnlineOptions | GenerateOptions):
            notes.append("What is shown is where the model begins to write.")
        return notes


def main(arguments: Sequence[str]) -> None:
    """Answer the request in a directory."""
    directory = Path(arguments[0])
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    request = msgspec.json.decode((directory / REQUEST).read_bytes(), type=RenderRequest)
    import torch

    torch.set_num_threads(1)
    answer = render(request)
    (directory / ANSWER).write_bytes(msgspec.json.encode(answer))


if __name__ == "__main__":
    sys.exit(told(main))
