"""The kept ranking of disputes: what it looks at again, and what a later import changes in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

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
