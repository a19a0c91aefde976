"""Sample completions of the chosen run."""

from __future__ import annotations

from rlhf_tui.screens.dashboard_pane import Pane, Seen
from rlhf_tui.screens.widgets.samples import SamplesView


class SamplesPane(SamplesView, Pane):
    """Completions for fixed prompts as training goes on."""

    TITLE = "samples"

    def tell(self, seen: Seen) -> None:
        batch = seen.batch
        if seen.run and (batch is None or batch.samples or batch.samples_restarted):
            self.samples(seen.run.follower.samples)

    def line(self, by: int) -> None:
        self.move(by)

    def diff(self) -> None: ...
    def label(self) -> None: ...
