"""Which data set is wanted: the request that exports, snapshots and screens share."""

from __future__ import annotations

from typing import Literal

import msgspec

from rlhf_tui.records import Split

DatasetKind = Literal[
    "preference", "unpaired-preference", "prompt-completion", "prompt-only", "rankings"
]
Aggregate = Literal["all", "majority", "unanimous", "dawid-skene", "bradley-terry"]
PairMode = Literal["all", "one-per-ranking"]


class DatasetSpec(msgspec.Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Which rows of the current judgements make a data set."""

    kind: DatasetKind
    pairs: PairMode = "all"
    splits: list[Split] = msgspec.field(default_factory=lambda: ["train", "validation"])
    include: list[Literal["thumbs-up", "best-ranked"]] = []
    """For prompt-completion: completions that people liked, beside the demonstrations."""
    aggregate: Aggregate = "all"
    """What several judgements of one item come to. all: each judgement makes its own rows.
    majority: a pair (or thumb) that more people decide so than otherwise makes one row;
    unanimous: one that all who decided it decide alike. dawid-skene, bradley-terry: one row,
    weighed by how reliable its annotators are. A settled item counts as its adjudication says.
    dataset/aggregation.py says it exactly."""
    min_agreement: float = 0.0
    """Leave out rows on which a smaller share than this, in [0, 1], of those who decided agree;
    by dawid-skene and bradley-terry rows whose probability is smaller."""
    min_judgements: int = 1
    """Leave out rows that fewer people decided."""
    gold: bool = False
    """Take judgements of gold items too; they measure people and are left out otherwise."""
    validation: Literal["all", "control"] = "all"
    """control: the validation split, and the test split where it is asked for, hold no judgements
    of items that were chosen as most informative, so that the choice does not colour the figures;
    the train split holds all."""
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
