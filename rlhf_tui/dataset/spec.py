"""Which data set is wanted: the request that exports, snapshots and screens share."""

from __future__ import annotations

from typing import Literal

import msgspec

from rlhf_tui.records import Split

DatasetKind = Literal[
    "preference", "unpaired-preference", "prompt-completion", "prompt-only", "rankings"
]
PairMode = Literal["all", "one-per-ranking"]


class DatasetSpec(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Which rows of the current judgements make a data set."""

    kind: DatasetKind
    pairs: PairMode = "all"
    splits: list[Split] = msgspec.field(default_factory=lambda: ["train", "validation"])
    include: list[Literal["thumbs-up", "best-ranked"]] = []
    """For prompt-completion: completions that people liked, beside the demonstrations."""
    annotators: list[str] = []
    """Only these people's judgements; empty: everyone's."""
    runs: list[str] = []
    """Only completions of these generate runs; empty: all. Rankings: those that show one of
    them. Demonstrations, edits and prompt-only are not touched by it."""
    form: Literal["auto", "text", "messages"] = "auto"
    """text and messages take only prompts of that form; auto refuses a mixture with a sentence.
    Rankings hold both forms in columns of their own."""
    limit: int = 0
    """At most this many prompts, in the order of import; 0: all."""
