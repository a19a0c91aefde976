"""Simulated annotators of different care, who judge reviews by the sentiment lexicon.

They come in by the same door as people: a hub connection under a name of their own (annotator
kind `ai`), leases, submitted events. They see what a person sees, the texts, and nothing else.
"""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Callable, Sequence

import msgspec

from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Item, Lease, Leased, Submit, Submitted
from rlhf_tui.records import Event, TaskKind, Text, new_event_id, plain
from rlhf_tui.sample_data.world import sentiment
from rlhf_tui.workspace import Workspace

BATCH = 25
"""Items leased and submitted at a time: a few people's worth of work in one commit."""


class Care(msgspec.Struct, frozen=True):
    """How an annotator errs.

    What they feel about a review is its lexicon score plus Gaussian noise, drawn anew for each
    review and annotator; reviews that feel about alike are called a tie.
    """

    name: str
    noise: float
    """Standard deviation, in points of the lexicon score."""
    tie_below: float
    """Felt differences under it, in the same points, are ties."""
    bad_below: float
    """When every review of an item feels worse than this, all of them are bad."""


ANNOTATORS: tuple[Care, ...] = (
    Care("ada-careful", noise=2.8, tie_below=0.3, bad_below=-8.0),
    Care("ben-steady", noise=3.2, tie_below=0.4, bad_below=-9.0),
    Care("cleo-hasty", noise=3.7, tie_below=0.2, bad_below=-10.0),
)
"""Any two of them agree on 70 to 80 % of the pairs that both decide, as people do."""


def review(prompt: Text, completion: Text) -> str:
    """The text as a reader sees it: a text completion goes on where its prompt ends."""
    if isinstance(prompt, str) and isinstance(completion, str):
        return prompt + completion
    return f"{plain(prompt)}\n{plain(completion)}"


def tiers(feelings: Sequence[float], tie_below: float) -> list[int]:
    """Tiers (1 is best) of what was felt; a review ties with the next better one when close."""
    order = sorted(range(len(feelings)), key=lambda i: -feelings[i])
    found = [1] * len(feelings)
    for better, worse in itertools.pairwise(order):
        close = feelings[better] - feelings[worse] < tie_below
        found[worse] = found[better] + (not close)
    return found


class Annotator:
    """One simulated person at the hub."""

    def __init__(self, workspace: Workspace, care: Care, seed: int) -> None:
        self.care = care
        self.judged = 0
        self._workspace = workspace
        self._seed = seed

    def work(self, kind: TaskKind, on_progress: Callable[[int], None]) -> int:
        """Judge every open item of a kind; returns how many.

        Args:
            on_progress: called with the number judged since the last call.

        Raises:
            HubError: the hub is away for good.
        """
        done = 0
        with HubClient(
            self._workspace, client="demo", as_name=self.care.name, as_kind="ai"
        ) as client:
            while True:
                leased = client.call(Lease(kind=kind, limit=BATCH), Leased)
                if not leased.items:
                    return done
                events = [judgement(item, self.care, self._seed) for item in leased.items]
                client.call(Submit(events=events), Submitted)
                done += len(events)
                self.judged += len(events)
                on_progress(len(events))


def judgement(item: Item, care: Care, seed: int) -> Event:
    """What an annotator says of an item: its feelings, made tiers or thumbs.

    The noise depends on who and what alone, never on the order of work, so that a demo gives the
    same labels again however its threads are scheduled.
    """
    prompt = item.prompt.prompt
    feelings = [
        sentiment(review(prompt, c.completion))
        + random.Random(
            f"{seed}/{care.name}/{item.task.kind}/{plain(prompt)}/{plain(c.completion)}"
        ).gauss(0.0, care.noise)
        for c in item.completions
    ]
    event = Event(
        event_id=new_event_id(),
        kind="judge",
        task_id=item.task.task_id,
        shown=[c.completion_id for c in item.completions],
        client="demo",
        created_ms=time.time_ns() // 1_000_000,
    )
    if item.task.kind == "thumbs":
        return msgspec.structs.replace(event, thumbs=[f > 0 for f in feelings])
    if all(f < care.bad_below for f in feelings):
        return msgspec.structs.replace(event, both_bad=True, tiers=[None for _ in feelings])
    return msgspec.structs.replace(event, tiers=list(tiers(feelings, care.tie_below)))
