"""Packing for SFT: rows that hold several examples, none of which sees another.

The examples of a row keep position numbers of their own, from 0, and the batch has no attention
mask: from that, transformers makes a block-diagonal causal mask. TRL's own collator would instead
join all rows of a batch to one, which only flash attention takes without cost; with torch's own
attention, which ours is, the cost grows with the square of its length. Whether a model keeps its
examples apart is tried out, not believed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from rlhf_tui.errors import InputError
from rlhf_tui.training.data import IGNORED, Row

TRIED = (5, 7)
"""Tokens of the examples on which a model is tried."""
APART, APART_HALF = 1e-3, 0.1
"""Most that a neighbour may change, as a share of what the same tokens change as a beginning; in
float32 and in 16 bits. Rounding stays far below, a neighbour that is seen far above."""


def pack(rows: Sequence[Row], length: int) -> list[Row]:
    """Rows of up to `length` tokens, each of whole examples: best fit, decreasing.

    Args:
        rows: input_ids and labels, none longer than `length`.

    Returns:
        input_ids, labels and seq_lengths, the lengths of a row's examples.
    """
    from datasets import Dataset
    from trl import pack_dataset

    columns = [{name: row[name] for name in ("input_ids", "labels")} for row in rows]
    # All in one piece: the best fit is looked for among all rows.
    packed = pack_dataset(
        Dataset.from_list(columns), length, "bfd", {"batch_size": max(1, len(columns))}
    )
    found: list[Row] = packed.to_list()
    return found


@dataclass
class PackedCollator:
    """Packed rows, or plain ones, to a batch [b, s] without attention mask.

    The first token of each example has no label: what precedes it does not predict it. Padding is
    numbered 0, so that each pad token is an example of its own.
    """

    pad_token_id: int

    def __call__(self, rows: list[Row]) -> dict[str, Tensor]:
        lengths = [row.get("seq_lengths") or [len(row["input_ids"])] for row in rows]
        places = [
            torch.cat([torch.arange(length) for length in some if length]) for some in lengths
        ]
        position_ids = pad_sequence(places, batch_first=True)
        labels = _padded([row["labels"] for row in rows], IGNORED)
        return {
            "input_ids": _padded([row["input_ids"] for row in rows], self.pad_token_id),
            "labels": labels.masked_fill(position_ids == 0, IGNORED),
            "position_ids": position_ids,
        }


def _padded(rows: list[list[int]], filler: int) -> Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=filler)


@torch.no_grad()
def check_apart(model: Any, source: str) -> None:
    """Try whether a model reads an example in a packed row as it reads it alone.

    Raises:
        InputError: it does not: its attention crosses examples, or it has a state that does.
    """
    device = next(model.parameters()).device
    size = model.get_input_embeddings().num_embeddings
    draw = torch.Generator().manual_seed(0)
    rows = [torch.randint(size, (n,), generator=draw).tolist() for n in TRIED]
    collate = PackedCollator(0)
    joined: Row = {"input_ids": rows[0] + rows[1], "labels": rows[0] + rows[1]}

    def read(row: Row) -> Tensor:
        """Log-probabilities [t, v] at the places of the second example."""
        batch = collate([row])
        logits: Tensor = model(
            input_ids=batch["input_ids"].to(device),
            position_ids=batch["position_ids"].to(device),
            use_cache=False,
        ).logits[0, -TRIED[1] :]
        return logits.float().log_softmax(-1)

    alone = read({"input_ids": rows[1], "labels": rows[1]})
    beside = read(joined | {"seq_lengths": [*TRIED]})
    behind = read(joined)
    changed, seen = (float((alone - other).abs().mean()) for other in (beside, behind))
    if changed > seen * (APART if model.dtype == torch.float32 else APART_HALF):
        raise InputError(
            f"The model {source!r} ({type(model).__name__}) would let examples in a packed row see"
            " each other.",
            hint="Train without packing.",
        )
