"""What the dashboard tells its panes, and what each pane can be asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, TypeVar

from rlhf_tui.evaluation.model_report import Evaluation
from rlhf_tui.hub.messages import Answer, Launched, Request, RunInfo
from rlhf_tui.runs.layout import RunArguments
from rlhf_tui.tracking.follow import Batch, Follower
from rlhf_tui.tracking.views import PaneLayout, Spot

A = TypeVar("A", bound=Answer)


class Source(Protocol):
    """Where runs come from: a workspace, or files that other programs wrote."""

    note: str
    """Why the list comes from the files, as a sentence; empty with a hub."""
    refused: str
    """Why this person sees none, as a sentence a line; empty for those who may."""
    older: int
    """Runs that there are beside those of the list, older ones."""
    archived: bool
    """Whether runs that were put away are listed, too."""

    @property
    def only_shown(self) -> str:
        """Why nothing can be changed here, as a sentence; empty where it can."""
        ...

    async def list(self) -> list[RunInfo]:
        """All runs: active ones first, then the queue, then the newest."""
        ...

    def follow(self, info: RunInfo) -> Follower:
        """Begin to follow what a run writes."""
        ...

    async def details(self, info: RunInfo) -> RunArguments | None:
        """A run's arguments; None where there are none to be had."""
        ...

    async def measured(self, info: RunInfo) -> Evaluation | None:
        """Figures of the run's model on held-out rows; None before, or without any."""
        ...

    async def facts(self, info: RunInfo) -> dict[str, dict[str, Any]]:
        """What the log of another program knows beside its numbers: title → name → value."""
        ...

    async def stop(self, run_id: str) -> RunInfo:
        """Ask a run to end with a checkpoint; raises RlhfError where that cannot be."""
        ...

    async def resume(self, run_id: str) -> Launched:
        """Go on with a run from its last checkpoint; raises RlhfError likewise."""
        ...

    async def ask(self, request: Request, answer: type[A]) -> A:
        """Ask for a change of a run: its note, its place in the queue, its end.

        Raises:
            RlhfError: there is nobody to ask, they refuse, or these runs are only shown.
        """
        ...


@dataclass(frozen=True)
class Watched:
    """A run that is followed."""

    info: RunInfo
    follower: Follower


@dataclass(frozen=True)
class Seen:
    """What there is to show."""

    source: Source
    run: Watched | None = None
    """The chosen run."""
    others: list[Watched] = field(default_factory=list)
    """Runs kept for comparison, in the order in which they were taken; the chosen one not."""
    batch: Batch | None = None
    """What has come since the last time; None: anything may be new."""
    infos: list[RunInfo] = field(default_factory=list)
    """All runs of the list."""


def words(**more: str) -> dict[str, str]:
    """Words of the row of keys, by the ids of rows, of a pane without charts; `line_down="prompt"`
    gives or changes one, an empty one takes it away."""
    nothing_here = ("right", "log", "smooth", "full", "crosshair", "axis")
    named = dict.fromkeys(nothing_here, "") | {"line_down": "scroll"} | more
    return {f"dashboard.{name.replace('_', '-')}": word for name, word in named.items()}


class Pane:
    """One of the dashboard's panes; a mixin of widgets. What it cannot do it leaves be."""

    TITLE: ClassVar[str] = ""
    FINDS: ClassVar[str] = ""
    """What a search in it looks for, for the empty input; empty: it cannot search."""
    WORDS: ClassVar[dict[str, str]] = words(search="")
    """Words of the row of keys while it is seen, by the ids of rows, where they differ."""
    sought: str = ""
    """What is searched for now."""
    flagged: int = 0
    """What it has to warn of, which its tab tells while others are seen."""
    flag_style: str = "warn"

    def kept_layout(self) -> PaneLayout:
        """How it is shown, whichever run it shows."""
        return PaneLayout(self.sought)

    def take_layout(self, layout: PaneLayout) -> None:
        """Be shown so from the next `tell` without a batch on; what cannot be is left out."""

    def kept_spot(self) -> Spot:
        """Where it is in the run that it shows."""
        return Spot()

    def take_spot(self, spot: Spot) -> None:
        """Begin there when that run is shown; called before the first `tell`."""

    def heed(self, seen: Seen) -> None:
        """Take notice of this without drawing it; called for every pane, before `tell`, at most
        twice a second and when another run is chosen."""

    def tell(self, seen: Seen) -> None:
        """Show this; called for the pane that is seen, at most twice a second and on a key."""

    def find(self, query: str) -> str:
        """Search; empty ends it. Returns a sentence when nothing is found, or it cannot be read."""
        return ""

    def match(self, by: int) -> None:
        """Go to the next place found, or one before."""

    def turn(self, by: int) -> None:
        """Left and right: ±1, ±10 for far."""

    def line(self, by: int) -> None:
        """Up and down by a line."""

    def page(self, pages: int) -> None:
        """Up and down by a page."""

    def notes(self) -> tuple[str, str]:
        """How it is shown, for the row of tabs: in full, and for a narrow row."""
        return "", ""
