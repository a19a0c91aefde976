"""The log's meaning against plain Python: current judgements, pairs, thumbs, open skips."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlhf_tui.records import Completion, Event, Prompt, Task
from rlhf_tui.store import read, schedule, trail
from rlhf_tui.store.database import Store
from rlhf_tui.store.log import append
from rlhf_tui.store.write import ingest

PEOPLE = ("ann", "bob", "cy")
TASKS = {"r1": "rank", "r2": "rank", "r3": "rank", "h1": "thumbs"}
SHOWN = [f"c{i}" for i in range(4)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all examples; each starts with an empty log."""
    root = tmp_path_factory.mktemp("views")
    with Store(root / "s.duckdb", root / "s.lock", threads=1) as store:
        ingest(
            store,
            prompts=[Prompt("p", "x")],
            completions=[Completion(c, "p", c) for c in SHOWN],
            tasks=[Task(t, kind, "p", SHOWN) for t, kind in TASKS.items()],  # type: ignore[arg-type]
        )
        yield store


def replace_log(store: Store, events: list[Event]) -> None:
    with store.transaction() as transaction:
        transaction.con.execute("DELETE FROM events")
    for part in range(0, len(events), 3):
        append(store, events[part : part + 3])


numbers = itertools.count()


@st.composite
def actions(draw: st.DrawFn) -> Event:
    kind = draw(
        st.sampled_from(["judge", "judge", "revise", "retract", "skip", "lease", "release", "flag"])
    )
    task = draw(st.sampled_from(sorted(TASKS)))
    shown = draw(st.permutations(SHOWN))
    tiers: list[int | None] = []
    thumbs: list[bool | None] = []
    if kind in ("judge", "revise"):
        if TASKS[task] == "rank" and draw(st.integers(0, 9)):
            tier = st.one_of(st.none(), st.integers(1, 4))
            tiers = draw(st.lists(tier, min_size=4, max_size=4))
        if TASKS[task] == "thumbs" or draw(st.booleans()):
            thumbs = draw(st.lists(st.one_of(st.none(), st.booleans()), min_size=4, max_size=4))
    return Event(
        event_id=f"e{next(numbers)}",
        kind=kind,  # type: ignore[arg-type]
        task_id=task,
        annotator=draw(st.sampled_from(PEOPLE)),
        shown=list(shown),
        tiers=tiers,
        thumbs=thumbs,
        both_bad=draw(st.integers(0, 9)) == 0,
        unsure=draw(st.integers(0, 9)) == 0,
        surplus=draw(st.booleans()),
    )


class Replay:
    """The rules, by walking through the log with a dict."""

    def __init__(self, events: list[Event]) -> None:
        self.current: dict[tuple[str, str], Event] = {}
        self.skipped: set[tuple[str, str]] = set()
        for event in events:
            key = (event.task_id, event.annotator)
            if event.kind in ("judge", "revise"):
                self.current[key] = event
                self.skipped.discard(key)
            elif event.kind == "retract":
                self.current.pop(key, None)
                self.skipped.discard(key)
            elif event.kind == "skip":
                self.skipped.add(key)
        self.skipped -= set(self.current)

    def pairs(self) -> dict[tuple[str, str, str], Fraction]:
        """(ranking, chosen, rejected) → weight."""
        found: dict[tuple[str, str, str], Fraction] = {}
        for event in self.current.values():
            if event.unsure:
                continue
            ranked = [
                (t, c) for t, c in zip(event.tiers, event.shown, strict=False) if t is not None
            ]
            mine = [(a, b) for (s, a), (t, b) in itertools.permutations(ranked, 2) if s < t]
            found |= {(event.event_id, a, b): Fraction(1, len(mine)) for a, b in mine}
        return found

    def thumbs(self, order: dict[str, int]) -> dict[tuple[str, str], bool]:
        """(completion, annotator) → the last thumb among what stands."""
        found: dict[tuple[str, str], bool] = {}
        for event in sorted(self.current.values(), key=lambda e: order[e.event_id]):
            for completion, thumb in zip(event.shown, event.thumbs, strict=False):
                unsure = event.unsure and TASKS[event.task_id] == "thumbs"
                if thumb is not None and not unsure:
                    found[completion, event.annotator] = thumb
        return found


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=st.lists(actions(), max_size=25))
def test_any_interleaving_means_what_a_replay_of_the_log_means(
    world: Store, events: list[Event]
) -> None:
    replace_log(world, events)
    replay = Replay(events)
    order = {e.event_id: i for i, e in enumerate(events)}
    with world.reading() as con:
        current = con.execute("SELECT task_id, annotator, event_id FROM judgements").fetchall()
        pairs = con.execute(
            "SELECT ranking_id, chosen_id, rejected_id, weight FROM pairs"
        ).fetchall()
        thumbs = con.execute("SELECT completion_id, annotator, label FROM thumbs").fetchall()
        skips = con.execute("SELECT task_id, annotator FROM open_skips").fetchall()

    assert {(t, a): e for t, a, e in current} == {
        key: event.event_id for key, event in replay.current.items()
    }
    assert len(current) == len(replay.current)

    expected = replay.pairs()
    assert {(r, a, b) for r, a, b, _ in pairs} == set(expected)
    assert len(pairs) == len(expected)
    sums: dict[str, float] = defaultdict(float)
    for ranking, chosen, rejected, weight in pairs:
        assert weight == pytest.approx(float(expected[ranking, chosen, rejected]))
        sums[ranking] += weight
    assert all(total == pytest.approx(1.0) for total in sums.values())

    assert {(c, a): label for c, a, label in thumbs} == replay.thumbs(order)
    assert set(skips) == replay.skipped
    check_reads(world, replay, order)


def check_reads(world: Store, replay: Replay, order: dict[str, int]) -> None:
    """The queries that do not go through the views agree with them."""
    marks = schedule.marks(world)
    assert {(m.task_id, m.annotator) for m in marks if m.judged} == set(replay.current)
    assert {(m.task_id, m.annotator) for m in marks if m.skipped} == replay.skipped
    for person in PEOPLE:
        standing = {t: e.event_id for (t, a), e in replay.current.items() if a == person}
        assert {
            t: e.event_id for t, e in read.current_events(world, person, list(TASKS)).items()
        } == standing
        history = [event for _, event in trail.history(world, person)]
        assert {e.task_id for e in history if e.kind == "skip"} == {
            t for t, a in replay.skipped if a == person
        }
        assert {e.event_id for e in history if e.kind != "skip"} == set(standing.values())
        assert [e.seq for e in history] == sorted((e.seq for e in history), reverse=True)
        progress = schedule.progress(world, person)
        by_kind = Counter(TASKS[t] for t in standing)
        everyone = Counter(TASKS[t] for t, _ in replay.current)
        assert all(progress[k].mine == by_kind[k] for k in ("rank", "thumbs"))
        assert all(progress[k].judgements == everyone[k] for k in ("rank", "thumbs"))


def test_ties_both_bad_unsure_and_unranked_are_different_things(world: Store) -> None:
    def ranking(task: str, tiers: list[int | None], **more: bool) -> Event:
        return Event(f"e{next(numbers)}", "judge", task, "ann", shown=SHOWN, tiers=tiers, **more)  # type: ignore[arg-type]

    replace_log(
        world,
        [
            ranking("r1", [1, 1, 2, None]),
            ranking("r2", [], both_bad=True),
            ranking("r3", [1, 2, 3, 4], unsure=True),
        ],
    )
    with world.reading() as con:
        pairs = con.execute("SELECT task_id, chosen_id, rejected_id, weight FROM pairs").fetchall()
        current = con.execute("SELECT count(*) FROM judgements").fetchall()
    assert sorted(pairs) == [("r1", "c0", "c2", 0.5), ("r1", "c1", "c2", 0.5)]
    assert current == [(3,)]


def test_surplus_judgements_count(world: Store) -> None:
    late = Event(
        f"e{next(numbers)}",
        "judge",
        "r1",
        "bob",
        shown=SHOWN,
        tiers=[1, 2, None, None],
        surplus=True,
    )
    replace_log(world, [late])
    with world.reading() as con:
        assert con.execute("SELECT chosen_id, rejected_id FROM pairs").fetchall() == [("c0", "c1")]
