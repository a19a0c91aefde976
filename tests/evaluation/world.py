"""Small worlds of judgements, taken the whole way: store, Parquet file, figures."""

from __future__ import annotations

from pathlib import Path

import msgspec

from rlhf_tui.evaluation.report import AnnotatorStats, Figure, Report
from rlhf_tui.evaluation.statistics import compute
from rlhf_tui.evaluation.worked import FACTS, JUDGEMENTS, Worked
from rlhf_tui.records import Annotator, Completion, Event, Prompt, Task, TaskKind, new_event_id
from rlhf_tui.store.database import Store
from rlhf_tui.store.judged import write_judged
from rlhf_tui.store.log import append
from rlhf_tui.store.write import ingest, save_annotators


class World:
    """Tasks whose completions are single letters of a string: `x1` has `x1-a`, `x1-b` …"""

    def __init__(self, kind: TaskKind = "rank") -> None:
        self.kind: TaskKind = kind
        self.tasks: list[Task] = []
        self.completions: dict[str, Completion] = {}
        self.events: list[Event] = []
        self.ai: list[str] = []
        """Who is no person."""

    def task(
        self,
        name: str,
        letters: str = "ab",
        *,
        overlap: int = 1,
        lengths: dict[str, int] | None = None,
        gold: dict[str, int] | None = None,
        repeat_of: str | None = None,
    ) -> None:
        """A task; a repeat shows the completions of the task that it asks again."""
        owner = repeat_of or name
        ids = [f"{owner}-{letter}" for letter in letters]
        for letter, completion_id in zip(letters, ids, strict=True):
            text = "x" * (lengths or {}).get(letter, 5)
            self.completions.setdefault(completion_id, Completion(completion_id, "p", text))
        known = {f"{owner}-{letter}": tier for letter, tier in gold.items()} if gold else None
        self.tasks.append(Task(name, self.kind, "p", ids, overlap, gold=known, repeat_of=repeat_of))

    def ranks(
        self,
        who: str,
        name: str,
        tiers: str,
        *,
        shown: str = "",
        **more: object,
    ) -> None:
        """`a>b=c`: a best, then b and c alike; letters left out are unranked."""
        task = next(task for task in self.tasks if task.task_id == name)
        owner = task.repeat_of or name
        tier_of = {
            letter: place
            for place, group in enumerate(tiers.split(">"), 1)
            for letter in group.split("=")
            if letter
        }
        letters = shown or "".join(one.rpartition("-")[2] for one in task.completion_ids)
        event = Event(
            new_event_id(),
            "judge",
            name,
            who,
            shown=[f"{owner}-{letter}" for letter in letters],
            tiers=[tier_of.get(letter) for letter in letters],
        )
        self.events.append(msgspec.structs.replace(event, **more))

    def thumb(self, who: str, name: str, good: bool, **more: object) -> None:
        task = next(task for task in self.tasks if task.task_id == name)
        event = Event(
            new_event_id(), "judge", name, who, shown=list(task.completion_ids), thumbs=[good]
        )
        self.events.append(msgspec.structs.replace(event, **more))

    def does(self, who: str, kind: str, name: str) -> None:
        """Another line of the log, such as a skip."""
        values = {"event_id": new_event_id(), "kind": kind, "task_id": name, "annotator": who}
        self.events.append(msgspec.convert(values, Event))

    def worked(self, directory: Path) -> Worked:
        """All figures, by way of a store in `directory`."""
        with Store(directory / "s.duckdb", directory / "s.lock", threads=1) as store:
            completions = list(self.completions.values())
            ingest(store, prompts=[Prompt("p", "x")], completions=completions, tasks=self.tasks)
            append(store, self.events)
            save_annotators(store, [Annotator(name, "ai") for name in self.ai])
            facts = write_judged(store, directory / JUDGEMENTS, self.kind)
        (directory / FACTS).write_bytes(msgspec.json.encode(facts))
        return compute(directory)


def named(figures: list[Figure], name: str) -> Figure:
    """The figure whose name begins so."""
    return next(figure for figure in figures if figure.name.startswith(name))


def person(report: Report, name: str) -> AnnotatorStats:
    return next(one for one in report.annotators if one.annotator == name)
