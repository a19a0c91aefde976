"""The kept ranking of disputes: what it looks at again, and what a later import changes in it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlhf_tui.records import Completion, Event, Prompt, Task
from rlhf_tui.store.database import Store
from rlhf_tui.store.dispute_ranking import LARGEST_STEP, page, ranked, renewed
from rlhf_tui.store.log import append
from rlhf_tui.store.write import ingest

MANY = 300


def add_tasks(store: Store, names: list[str]) -> None:
    made = [Completion(f"{name}{side}", "p", f"{name}{side}") for name in names for side in "ab"]
    ranks = [Task(name, "rank", "p", [f"{name}a", f"{name}b"]) for name in names]
    ingest(store, prompts=[Prompt("p", "x")], completions=made, tasks=ranks)


def says(who: str, task: str, tiers: list[int | None], kind: str = "judge") -> Event:
    shown = [f"{task}a", f"{task}b"]
    name = f"{who}-{task}-{kind}-{tiers}"
    return Event(name, kind, task, who, shown=shown, tiers=tiers)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "s.duckdb", tmp_path / "s.lock", threads=1) as store:
        add_tasks(store, [f"t{number:03}" for number in range(MANY)])
        yield store


def names(store: Store, *people: list[int | None]) -> None:
    """Everyone says their own of every task."""
    append(
        store,
        [
            says(f"p{place}", f"t{number:03}", tiers)
            for number in range(MANY)
            for place, tiers in enumerate(people)
        ],
    )


def test_of_equals_the_first_imported_comes_first_also_after_it_was_opened_again(
    store: Store,
) -> None:
    names(store, [1, 2], [2, 1])
    ranking = ranked(store)
    tasks = [f"t{number:03}" for number in range(MANY)]
    rows, total = page(store, ranking, limit=MANY)
    assert ([row.task_id for row in rows], total) == (tasks, MANY)
    append(store, [says("eve", "t007", [1, 2], "adjudicate")])
    assert not ranking.covers(store)
    ranking = renewed(store, ranking)
    rows, total = page(store, ranking, limit=3, offset=6)
    assert [row.task_id for row in rows] == ["t006", "t008", "t009"]
    assert total == MANY - 1
    # A third voice makes it less disputed, and it goes behind; opened, it comes back to its place.
    append(store, [says("p3", "t000", [1, 2]), Event("open", "reopen", "t007", "eve")])
    ranking = renewed(store, ranking)
    rows, total = page(store, ranking, limit=MANY)
    assert [row.task_id for row in rows] == [*tasks[1:], "t000"]
    assert (rows[-1].agreement, total) == (pytest.approx(1 / 3), MANY)
    assert page(store, ranking, limit=MANY) == page(store, ranked(store), limit=MANY)
    assert page(store, ranking, offset=MANY) == ([], MANY)


def test_a_log_that_came_before_its_tasks_counts_once_they_are_there(store: Store) -> None:
    append(store, [says("ann", "late", [1, 2]), says("bob", "late", [2, 1])])
    ranking = ranked(store)
    assert page(store, ranking) == ([], 0)
    add_tasks(store, ["late"])
    assert not ranking.covers(store)
    ranking = renewed(store, ranking)
    assert ranking.covers(store)
    rows, total = page(store, ranking)
    assert ([row.task_id for row in rows], total) == (["late"], 1)


def test_what_lies_far_back_is_ranked_anew(store: Store) -> None:
    ranking = ranked(store)
    assert ranking.near(store)
    assert not ranking._replace(next_seq=store.next_seq - LARGEST_STEP - 1).near(store)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One store for all examples."""
    root = tmp_path_factory.mktemp("small")
    with Store(root / "s.duckdb", root / "s.lock", threads=1) as store:
        add_tasks(store, ["a", "b"])
        made = [Completion("c1", "p", "c1")]
        ingest(store, prompts=[], completions=made, tasks=[Task("c", "thumbs", "p", ["c1"])])
        yield store


numbers = itertools.count()


@st.composite
def steps(draw: st.DrawFn) -> Event:
    """Someone judges, or takes it back; or a reviewer settles or opens. Half of it is disputed."""
    kind = draw(st.sampled_from(["judge", "judge", "judge", "retract", "adjudicate", "reopen"]))
    task = draw(st.sampled_from("abc"))
    who = "eve" if kind in ("adjudicate", "reopen") else draw(st.sampled_from(["ann", "bob", "cy"]))
    first = draw(st.booleans())
    event = Event(f"n{next(numbers)}", kind, task, who)  # type: ignore[arg-type]
    if kind not in ("judge", "adjudicate"):
        return event
    if task == "c":
        return msgspec.structs.replace(event, shown=["c1"], thumbs=[first])
    tiers: list[int | None] = [1, 2] if first else [2, 1]
    return msgspec.structs.replace(event, shown=[f"{task}a", f"{task}b"], tiers=tiers)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(steps(), max_size=5), min_size=2, max_size=6))
def test_kept_up_it_is_what_it_would_be_anew(small: Store, batches: list[list[Event]]) -> None:
    with small.transaction() as transaction:
        transaction.con.execute("DELETE FROM events")
    ranking = ranked(small)
    for batch in batches:
        append(small, batch)
        ranking = renewed(small, ranking)
        anew = ranked(small)
        assert ranking.covers(small)
        assert page(small, ranking) == page(small, anew)
        for kind in ("rank", "thumbs"):
            assert page(small, ranking, kind=kind) == page(small, anew, kind=kind)  # type: ignore[arg-type]
