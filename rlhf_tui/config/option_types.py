"""What the options of all kinds of run are built of: their base, and the bounds of numbers."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

PositiveInt = Annotated[int, Meta(ge=1)]
Share = Annotated[float, Meta(gt=0, le=1)]
StartingPolicy = Annotated[
    str, Meta(description="Starting policy, also the reference; empty: the newest SFT run")
]
Pairs = Annotated[
    Literal["all", "one-per-ranking"],
    Meta(description="All pairs of a ranking, weighed 1/pairs, or one drawn from each"),
]

Samples = Annotated[
    int,
    Meta(
        ge=0,
        description="Held-out prompts whose answers are kept to read at each evaluation; 0: none",
    ),
]


class Options(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What every run takes."""

    seed: Annotated[int, Meta(ge=0, description="Seed of every random choice of the run")] = 0
    device: Annotated[
        str, Meta(description="auto, cpu, cuda or cuda:N; auto takes a GPU where there is one")
    ] = "auto"
    threads: Annotated[
        int, Meta(ge=0, description="CPU threads for torch; 0: by the model's size")
    ] = 0
    form: Annotated[
        Literal["auto", "text", "messages"],
        Meta(description="Which prompts: text, messages, or auto where all are of one form"),
    ] = "auto"
