"""Known answers, the order by information and live settings, through a real hub."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import msgspec
import pytest
from helpers.hubs import HubProcess, ingest, judgement, set_label, tasks
from helpers.waiting import wait_until

from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.live import LiveSettings
from rlhf_tui.hub.messages import (
    Done,
    HubStatus,
    HubStatusAnswer,
    Ingest,
    Item,
    Lease,
    Leased,
    MarkGold,
    Progress,
    ProgressAnswer,
    Submit,
    Submitted,
)
from rlhf_tui.records import Score
from rlhf_tui.store.chosen import information
from rlhf_tui.store.database import Store
from rlhf_tui.store.write import ingest as store_ingest
from rlhf_tui.store.write import save_scores
from rlhf_tui.workspace import Workspace


def with_gold(count: int, every: int) -> tuple[Ingest, set[str]]:
    """Rankings of which each `every`-th has a known answer, and the ids of those."""
    batch = tasks(count)
    for number in range(0, count, every):
        task = batch.tasks[number]
        known = {completion_id: n for n, completion_id in enumerate(task.completion_ids, 1)}
        batch.tasks[number] = msgspec.structs.replace(task, gold=known)
    return batch, {task.task_id for task in batch.tasks if task.gold is not None}


def take(client: HubClient, limit: int = 1) -> Leased:
    return client.call(Lease(kind="rank", limit=limit), Leased)


def work(client: HubClient) -> tuple[list[Item], list[int]]:
    """Judge until nothing is left; the items, and what remained after each lease."""
    done, remaining = [], []
    while (leased := take(client)).items:
        client.call(Submit([judgement(item) for item in leased.items]), Submitted)
        done += leased.items
        remaining.append(leased.remaining)
    return done, remaining


def test_everyone_gets_known_answers_once_and_nothing_tells_them(
    start_hub: Callable[..., HubProcess], workspace: Workspace
) -> None:
    set_label(workspace, gold_share=0.25)
    start_hub()
    batch, gold = with_gold(40, 5)
    ingest(workspace, batch)
    with HubClient(workspace, as_name="ann") as ann:
        first = take(ann, 16)
        mine = [item.task.task_id for item in first.items]
        assert len(gold.intersection(mine)) == 4
        ann.call(Submit([judgement(item) for item in first.items]), Submitted)
        done, remaining = work(ann)
        assert remaining == list(range(first.remaining - 1, -1, -1))
        progress = ann.call(Progress(), ProgressAnswer).rank
    mine += [item.task.task_id for item in done]
    assert len(mine) == len(set(mine)) == 40
    assert gold <= set(mine)
    # With the known answers: a count that stood still on those would tell them.
    assert (progress.tasks, progress.judgements, progress.judgements_wanted) == (32, 40, 40)
    assert (progress.mine, progress.open_for_me) == (40, 0)
    wire = {msgspec.json.encode(i.task).count(b'"') for i in [*first.items, *done]}
    assert len(wire) == 1
    # All that was wanted is done: nobody is kept busy with known answers alone.
    with HubClient(workspace, as_name="bob") as bob:
        assert take(bob, 5) == Leased(items=[], remaining=0)


def test_a_marked_task_is_for_everyone_from_then_on_and_after_a_restart(
    start_hub: Callable[..., HubProcess], workspace: Workspace
) -> None:
    set_label(workspace, gold_share=0.5)
    hub = start_hub()
    batch = tasks(8)
    ingest(workspace, batch)
    task = batch.tasks[0]
    with HubClient(workspace, as_name="ann") as ann:
        known = {completion_id: n for n, completion_id in enumerate(task.completion_ids, 1)}
        (item,) = take(ann).items
        assert item.task.task_id == task.task_id
        ann.call(Submit([judgement(item)]), Submitted)
        ann.call(MarkGold(task.task_id, known), Done)
        progress = ann.call(Progress(), ProgressAnswer).rank
        assert (progress.tasks, progress.judgements, progress.mine) == (7, 1, 1)
    hub.kill()
    start_hub()
    with HubClient(workspace, as_name="bob") as bob:
        assert task.task_id in [item.task.task_id for item in take(bob, 4).items]
        bob.call(MarkGold(task.task_id, None), Done)
        progress = bob.call(Progress(), ProgressAnswer).rank
        assert (progress.tasks, progress.judgements) == (8, 1)


def scored(
    batch: Ingest, gaps: list[float], model: str = "rm", run: str = "score-1"
) -> list[Score]:
    """Scores of each ranking's completions, its `gap` apart."""
    return [
        Score(completion_id, run, model, gap * place)
        for task, gap in zip(batch.tasks, gaps, strict=True)
        for place, completion_id in enumerate(task.completion_ids)
    ]


@pytest.fixture
def store(workspace: Workspace) -> Store:
    return Store(workspace.store, workspace.lock)


def test_information_is_that_of_the_formula(store: Store) -> None:
    batch = tasks(3, completions=2)
    with store:
        store_ingest(store, prompts=batch.prompts, completions=batch.completions, tasks=batch.tasks)
        assert information(store) == []
        save_scores(store, scored(batch, [0.0, 2.0, 1000.0]))
        even, clear, huge = (task.task_id for task in batch.tasks)
        found = dict(information(store))
        # sigmoid(2) = 0.880797, and 0.880797 · 0.119203 = 0.104994.
        assert found[even] == pytest.approx(0.25)
        assert found[clear] == pytest.approx(0.104994, abs=1e-6)
        assert found[huge] == pytest.approx(0, abs=1e-9)
        # The same model in another run is no second opinion.
        save_scores(store, scored(batch, [0.0, 2.0, 1000.0], run="score-2"))
        assert dict(information(store)) == pytest.approx(found)
        # Another one that says the opposite: p = 1/2, and a variance of 0.380797² = 0.145006.
        save_scores(store, scored(batch, [0.0, -2.0, 1000.0], model="other", run="score-3"))
        found = dict(information(store))
        assert found[clear] == pytest.approx(0.25 + 0.145006, abs=1e-6)
        assert found[even] == pytest.approx(0.25)
        # A divergence without a reward is no opinion, whatever it is called.
        for model in ("", "rm"):
            ids = {one.completion_id for one in scored(batch, [0.0] * 3)}
            save_scores(store, [Score(i, f"kl-{model}", model, None, kl=1.0) for i in ids])
        assert dict(information(store)) == pytest.approx(found)


def test_the_order_follows_the_file_and_a_broken_file_changes_nothing_but_is_told(
    start_hub: Callable[..., HubProcess], workspace: Workspace
) -> None:
    batch = tasks(40)
    with Store(workspace.store, workspace.lock) as store:
        store_ingest(store, prompts=batch.prompts, completions=batch.completions, tasks=batch.tasks)
        # The later a task was imported, the less sure the model is of it.
        save_scores(store, scored(batch, [4.0 - number / 10 for number in range(40)]))
    ids = [task.task_id for task in batch.tasks]
    hub = start_hub()
    with HubClient(workspace, as_name="ann") as ann:
        assert [item.task.task_id for item in take(ann, 2).items] == ids[:2]
        numbers = itertools.count()
        set_label(workspace, order="informative", control_share=0.0, reviewers=["cem"])

        def drawn() -> bool:
            """A lease and its return: what is handed out now, to somebody new."""
            with HubClient(workspace, as_name=f"bob-{next(numbers)}") as bob:
                (item,) = take(bob).items
                events = [
                    msgspec.structs.replace(judgement(item), kind="release", shown=[], tiers=[])
                ]
                bob.call(Submit(events), Submitted)
            return item.task.task_id == ids[-1]

        wait_until(drawn, what="the new order holds")
        workspace.config.write_text("[label]\norder = 'backwards'\n", encoding="utf-8")

        def trouble() -> str:
            return ann.call(HubStatus(), HubStatusAnswer).settings_trouble

        told = wait_until(trouble, what="the hub says what is wrong")
        assert "order" in told
        assert drawn()
        set_label(workspace, order="sequential")
        wait_until(lambda: not trouble(), what="the file is right again")
        assert not drawn()
    hub.stop()
    assert "order = 'backwards'" in hub.log.read_text()


def test_the_file_is_looked_at_once_a_second_at_most(workspace: Workspace) -> None:
    from rlhf_tui.config.settings import load_settings

    now = [0.0]
    live = LiveSettings(workspace, load_settings(workspace), clock=lambda: now[0])
    set_label(workspace, overlap=3)
    now[0] = 0.9
    assert not live.refresh()
    assert live.now.label.overlap == 1
    now[0] = 1.0
    assert live.refresh()
    assert live.now.label.overlap == 3
    workspace.config.unlink()
    now[0] = 2.0
    assert not live.refresh()
    assert "Cannot read" in live.trouble
    assert live.now.label.overlap == 3
