"""The whole log against a dict: judging, writing, taking back, settling, repeats, resent events."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlhf_tui.records import Completion, Event, Prompt, Task, Written, imported_completion_id
from rlhf_tui.store import disputes, read, trail
from rlhf_tui.store.database import Store
from rlhf_tui.store.dispute_ranking import Ranking, page, ranked, renewed
from rlhf_tui.store.log import append
from rlhf_tui.store.write import ingest

PEOPLE = ("ann", "bob", "cy")
REVIEWERS = ("eve", "cy")
SHOWN = ["c0", "c1", "c2"]
RANKS = ("r1", "r2", "again")
TASKS = (*RANKS, "h1")
REPEAT = "again"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all examples; each starts with an empty log."""
    root = tmp_path_factory.mktemp("log")
    with Store(root / "s.duckdb", root / "s.lock", threads=1) as store:
        ingest(
            store,
            prompts=[Prompt("p", "x")],
            completions=[Completion(c, "p", c) for c in SHOWN],
            tasks=[
                Task("r1", "rank", "p", SHOWN),
                Task("r2", "rank", "p", SHOWN),
                Task(REPEAT, "rank", "p", SHOWN, repeat_of="r1", assignee="ann"),
                Task("h1", "thumbs", "p", SHOWN[:1]),
            ],
        )
        yield store


numbers = itertools.count()
KINDS = ["judge", "judge", "judge", "revise", "retract", "skip", "flag", "adjudicate", "reopen"]


@st.composite
def actions(draw: st.DrawFn) -> Event:
    """What somebody does to a task of the world; adjudications are reviewers'."""
    kind = draw(st.sampled_from(KINDS))
    task = draw(st.sampled_from(TASKS))
    fields: dict[str, Any] = {}
    if kind in ("judge", "revise", "adjudicate"):
        shown: list[str] = list(draw(st.permutations(SHOWN))) if task in RANKS else SHOWN[:1]
        if draw(st.integers(0, 3)) == 0:
            text = draw(st.sampled_from(["better", "best"]))
            parent = draw(st.sampled_from([None, *shown]))
            wrote = Written("", text, parent)
            own = imported_completion_id("p", text, wrote.origin, "")
            fields["written"] = [Written(own, text, parent)]
            shown = [*shown, own]
        tier = st.one_of(st.none(), st.integers(1, 4))
        size = len(shown)
        if task in RANKS:
            fields["tiers"] = draw(st.lists(tier, min_size=size, max_size=size))
        thumb = st.one_of(st.none(), st.booleans())
        if task not in RANKS or draw(st.booleans()):
            fields["thumbs"] = draw(st.lists(thumb, min_size=size, max_size=size))
        fields |= {"shown": shown, "unsure": draw(st.integers(0, 9)) == 0}
    who = REVIEWERS if kind in ("adjudicate", "reopen") else PEOPLE
    name = draw(st.sampled_from(who))
    return Event(f"e{next(numbers)}", kind, task, name, **fields)  # type: ignore[arg-type]


@st.composite
def logs(draw: st.DrawFn) -> list[list[Event]]:
    """What arrives, a batch at a time; some of it more than once, as after a lost connection."""
    batches: list[list[Event]] = []
    sent: list[Event] = []
    for fresh in draw(st.lists(st.lists(actions(), max_size=4), max_size=8)):
        again = draw(st.lists(st.sampled_from(sent), max_size=2)) if sent else []
        sent += fresh
        batches.append(draw(st.permutations([*fresh, *again])))
    return batches


class Replay:
    """The rules, by walking through the log with a dict; the order of entry is that of the log."""

    def __init__(self, batches: list[list[Event]]) -> None:
        self.log: dict[str, Event] = {}
        self.standing: dict[tuple[str, str], Event] = {}
        self.settled: dict[str, Event] = {}
        self.skipped: set[tuple[str, str]] = set()
        for event in itertools.chain.from_iterable(batches):
            if event.event_id in self.log:
                continue
            self.log[event.event_id] = event
            key = (event.task_id, event.annotator)
            if event.kind in ("judge", "revise"):
                self.standing[key] = event
                self.skipped.discard(key)
            elif event.kind == "retract":
                self.standing.pop(key, None)
                self.skipped.discard(key)
            elif event.kind == "skip":
                self.skipped.add(key)
            elif event.kind == "adjudicate" and event.task_id != REPEAT:
                self.settled[event.task_id] = event
            elif event.kind == "reopen":
                self.settled.pop(event.task_id, None)
        # Who skips what they have judged has still judged it.
        self.skipped -= set(self.standing)

    @property
    def judgements(self) -> list[Event]:
        return [event for event in self.standing.values() if event.task_id != REPEAT]

    @property
    def decided(self) -> list[Event]:
        """What a model may learn from."""
        open_ones = [event for event in self.judgements if event.task_id not in self.settled]
        return [*open_ones, *self.settled.values()]

    def pairs(self) -> set[tuple[str, str, str, str]]:
        """(ranking, task, chosen, rejected)"""
        return {
            (event.event_id, event.task_id, one, other)
            for event in self.decided
            if not event.unsure
            for one, other in decisions(event)
        }

    def thumbs(self) -> dict[tuple[str, str], tuple[str, bool]]:
        """(completion, annotator) → task and label: the last thumb of a person on it."""
        place = {event_id: number for number, event_id in enumerate(self.log)}
        found = {}
        for event in sorted(self.decided, key=lambda e: place[e.event_id]):
            for completion, thumb in zip(event.shown, event.thumbs, strict=False):
                unsure = event.unsure and event.task_id not in RANKS
                if thumb is not None and not unsure:
                    found[completion, event.annotator] = (event.task_id, thumb)
        return found

    def agreement(self, task: str) -> float | None:
        """By asking every two people about every question."""
        cast = [e for e in self.judgements if e.task_id == task and not e.unsure]
        asked = agreed = 0
        for one, other in itertools.combinations(cast, 2):
            mine, theirs = answers(one), answers(other)
            for question in mine.keys() & theirs.keys():
                asked += 1
                agreed += mine[question] == theirs[question]
        return agreed / asked if asked else None


def decisions(event: Event) -> set[tuple[str, str]]:
    """Pairs of completions, better first."""
    tiers = dict(zip(event.shown, event.tiers, strict=False))
    return {
        (a, b)
        for a, b in itertools.permutations(tiers, 2)
        if tiers[a] is not None and tiers[b] is not None and tiers[a] < tiers[b]  # type: ignore[operator]
    }


def answers(event: Event) -> dict[Any, Any]:
    """Question → answer: of a ranking its pairs, of a thumbs task its thumbs."""
    if event.task_id in RANKS:
        return {frozenset(pair): pair for pair in decisions(event)}
    return {
        completion: thumb
        for completion, thumb in zip(event.shown, event.thumbs, strict=False)
        if thumb is not None
    }


def fill(store: Store, batches: list[list[Event]]) -> Ranking:
    """What people disagree on, brought up to date after every batch."""
    with store.transaction() as transaction:
        transaction.con.execute("DELETE FROM events")
        transaction.con.execute("DELETE FROM completions WHERE origin <> 'model'")
    ranking = ranked(store)
    for batch in batches:
        append(store, batch)
        ranking = renewed(store, ranking)
    return ranking


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=logs())
def test_any_interleaving_means_what_a_replay_in_a_dict_means(
    world: Store, batches: list[list[Event]]
) -> None:
    ranking = fill(world, batches)
    replay = Replay(batches)

    def of(query: str) -> list[tuple[Any, ...]]:
        with world.reading() as con:
            return con.execute(query).fetchall()

    assert [i for (i,) in of("SELECT event_id FROM events ORDER BY seq")] == list(replay.log)
    standing = {(t, a): i for t, a, i in of("SELECT task_id, annotator, event_id FROM standing")}
    assert standing == {key: event.event_id for key, event in replay.standing.items()}
    judged = [i for (i,) in of("SELECT event_id FROM judgements")]
    assert sorted(judged) == sorted(event.event_id for event in replay.judgements)
    settled = dict(of("SELECT task_id, event_id FROM settled"))
    assert settled == {task: event.event_id for task, event in replay.settled.items()}
    assert set(of("SELECT task_id, annotator FROM open_skips")) == replay.skipped

    pairs = of("SELECT ranking_id, task_id, chosen_id, rejected_id FROM pairs")
    assert set(pairs) == replay.pairs()
    assert len(pairs) == len(set(pairs))
    thumbs = of("SELECT completion_id, annotator, task_id, label FROM thumbs")
    assert {(c, a): (t, label) for c, a, t, label in thumbs} == replay.thumbs()

    check_written(world, replay)
    check_people(world, replay)
    check_disputes(world, replay, ranking)


def check_written(world: Store, replay: Replay) -> None:
    """Every text that was ever written is a completion; those of what stands are listed."""
    ever = {w.completion_id: w for event in replay.log.values() for w in event.written}
    with world.reading() as con:
        stored = con.execute(
            "SELECT completion_id, prompt_id, text, origin, demonstration FROM completions"
            " WHERE origin <> 'model'"
        ).fetchall()
        listed = con.execute("SELECT task_id, annotator, completion_id FROM written").fetchall()
    assert sorted(stored) == sorted(
        (i, "p", written.text, written.origin, False) for i, written in ever.items()
    )
    assert sorted(listed) == sorted(
        (event.task_id, event.annotator, written.completion_id)
        for event in [*replay.judgements, *replay.settled.values()]
        for written in event.written
    )


def check_people(world: Store, replay: Replay) -> None:
    """History and trail of each person, and the votes of each task."""
    for person in PEOPLE:
        mine = {task: event for (task, who), event in replay.standing.items() if who == person}
        found = {row.task_id: (row, event) for row, event in trail.history(world, person)}
        skipped = {task for task, who in replay.skipped if who == person}
        assert {task for task, (_, event) in found.items() if event.kind == "skip"} == skipped
        assert set(found) == skipped | set(mine)
        for task, event in mine.items():
            judged = [
                e
                for e in replay.log.values()
                if (e.task_id, e.annotator) == (task, person) and e.kind in ("judge", "revise")
            ]
            assert found[task][1].event_id == event.event_id
            assert found[task][0].revisions == len(judged) - 1
        lines = [
            event.event_id
            for event in replay.log.values()
            if event.annotator == person
            and event.task_id in RANKS
            and event.kind in ("judge", "revise", "retract", "skip")
        ]
        assert [e.event_id for e in trail.trail(world, person, "rank")] == lines[::-1]
        current = read.current_events(world, person, list(TASKS))
        assert {task: e.event_id for task, e in current.items()} == {
            task: e.event_id for task, e in mine.items()
        }
    votes = trail.votes(world, list(TASKS))
    assert {(t, e.annotator): e.event_id for t, cast in votes.items() for e in cast} == {
        key: event.event_id for key, event in replay.standing.items()
    }


def check_disputes(world: Store, replay: Replay, ranking: Ranking) -> None:
    expected = {
        task: share
        for task in TASKS
        if task != REPEAT
        and task not in replay.settled
        and (share := replay.agreement(task)) is not None
        and share < 1
    }
    found, total = page(world, ranking)
    anew = ranked(world)
    assert ranking.covers(world)
    assert (found, total) == page(world, anew)
    for kind in ("rank", "thumbs"):
        for offset in (0, 1):
            part = page(world, ranking, kind=kind, limit=1, offset=offset)  # type: ignore[arg-type]
            mine = [row for row in found if (row.task_id in RANKS) == (kind == "rank")]
            assert part == (mine[offset : offset + 1], len(mine))
    assert {row.task_id: row.agreement for row in found} == pytest.approx(expected)
    assert [row.agreement for row in found] == sorted(row.agreement for row in found)
    assert total == len(expected)
    done, total = disputes.settled(world)
    assert {row.task_id for row in done} == set(replay.settled)
    assert total == len(replay.settled)
    for row in [*done, *(disputes.dispute(world, task) for task in expected)]:
        share = replay.agreement(row.task_id)
        assert row.agreement == pytest.approx(1.0 if share is None else share)
        settled = replay.settled.get(row.task_id)
        assert (row.settled and row.settled.event_id) == (settled and settled.event_id)
