"""A frozen reward model that scores texts exactly as it was trained: see rendering.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rlhf_tui.errors import UsageError, nearest
from rlhf_tui.records import Text
from rlhf_tui.training import models
from rlhf_tui.training.rendering import Renderer, saved_rendering


def right_pad(rows: Sequence[Sequence[int]], fill: int) -> tuple[Tensor, Tensor]:
    """Token rows as [b, s] with padding behind, and their mask."""
    width = max(len(row) for row in rows)
    ids = torch.full((len(rows), width), fill, dtype=torch.long)
    mask = torch.zeros((len(rows), width), dtype=torch.long)
    for place, row in enumerate(rows):
        ids[place, : len(row)] = torch.tensor(row, dtype=torch.long)
        mask[place, : len(row)] = 1
    return ids, mask


class RewardScorer:
    """Scores completions by a reward-model run or any text-classification model.

    A model of one output scores with it; one of several with the logit of the named label.
    """

    def __init__(
        self, ref: str, device: torch.device, *, label: str = "", batch_size: int = 64
    ) -> None:
        loaded = models.load_reward_model(ref, device)
        self.renderer = Renderer(loaded.tokenizer, saved_rendering(ref, loaded.tokenizer))
        self.parameters = loaded.parameters
        self._model = loaded.model
        self._device = device
        self._batch_size = batch_size
        self._column = _column(ref, loaded.model.config, label)
        self._fill = models.fill_token(loaded.tokenizer)
        shape = loaded.model.config.get_text_config()
        if shape.pad_token_id is None:
            # It finds the place of its score as the last token that is not this one.
            shape.pad_token_id = self._fill

    @torch.inference_mode()
    def score(self, prompts: Sequence[Text], completions: Sequence[Text]) -> list[float]:
        """One score a completion, in the order given."""
        rows = self.renderer.scored(prompts, completions)
        scores = [0.0] * len(rows)
        # Rows of like length together: little padding.
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        for start in range(0, len(order), self._batch_size):
            places = order[start : start + self._batch_size]
            ids, mask = right_pad([rows[i] for i in places], self._fill)
            logits = self._model(
                input_ids=ids.to(self._device), attention_mask=mask.to(self._device)
            ).logits
            for place, value in zip(places, logits[:, self._column].tolist(), strict=True):
                scores[place] = value
        return scores


def _column(ref: str, config: Any, label: str) -> int:
    names = {str(name): int(index) for index, name in (config.id2label or {}).items()}
    if label in names:
        return names[label]
    if label:
        raise UsageError(f"{ref!r} has no label {label!r}.", hint=nearest(label, names))
    if len(names) > 1:
        raise UsageError(
            f"{ref!r} has {len(names)} labels: say which one is the reward.",
            hint="By --reward-label, or #LABEL behind it in --rewards; one of: "
            f"{', '.join(sorted(names))}.",
        )
    return 0
