"""Self-consistency repeats: what is asked again, when, of whom, and that nobody can tell."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from helpers.hubs import HubProcess, ingest, judgement, set_label, tasks

from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import (
    GetItem,
    Item,
    ItemAnswer,
    Lease,
    Leased,
    Progress,
    ProgressAnswer,
    Submit,
    Submitted,
)
from rlhf_tui.hub.queues import TaskState
from rlhf_tui.hub.repeats import GAP, GAP_MS, Repeats
from rlhf_tui.hub.scheduler import Scheduler
from rlhf_tui.hub.selection import Plan
from rlhf_tui.records import Event, new_event_id
from rlhf_tui.store.database import Store
from rlhf_tui.store.read import tasks_by_id
from rlhf_tui.workspace import Workspace

ANN = 0


def states(count: int) -> list[TaskState]:
    return [TaskState(f"t{n}", "rank", 1, 0, n) for n in range(count)]


def judged_all(tasks: list[TaskState], count: int, at_ms: int = 0) -> Repeats:
    repeats = Repeats()
    for task in tasks[:count]:
        task.judged = (ANN,)
        repeats.note(task.index, at_ms)
    return repeats


def chosen(repeats: Repeats, tasks: list[TaskState], count: int, now: int = 0) -> set[int]:
    return {task.index for task in repeats.choose(tasks, ANN, count, now, seed="s")}


def test_an_item_waits_for_twenty_others_or_an_hour() -> None:
    tasks = states(200)
    repeats = judged_all(tasks, GAP)
    assert chosen(repeats, tasks, 3) == set()
    assert len(chosen(repeats, tasks, 3, now=GAP_MS)) == 3
    repeats = judged_all(tasks, GAP + 2)
    assert chosen(repeats, tasks, 3) == {0, 1}


def test_where_there_is_little_to_judge_it_waits_for_fewer() -> None:
    tasks = states(9)
    assert chosen(judged_all(tasks, 3), tasks, 9) == set()
    assert chosen(judged_all(tasks, 5), tasks, 9) == {0, 1}


def test_what_was_revised_or_judged_anew_waits_as_long_again() -> None:
    tasks = states(200)
    repeats = judged_all(tasks, GAP + 2)
    repeats.note(0, 0)
    assert chosen(repeats, tasks, 3) == {1, 2}


def test_nothing_is_asked_a_third_time_nor_when_it_was_taken_back_or_has_a_known_answer() -> None:
    tasks = states(200)
    repeats = judged_all(tasks, GAP + 4)
    repeats.add(TaskState("r", "rank", 1, 0, 200, "repeat", ANN), tasks[0])
    tasks[1].judged = ()
    tasks[2].group = "gold"
    assert chosen(repeats, tasks, 9) == {3}


def test_a_repeat_waits_while_the_first_judgement_is_taken_back() -> None:
    scheduler = Scheduler(1000, Plan(repeat_share=0.5))
    for number in range(4):
        scheduler.add_task(f"t{number}", "rank")
    scheduler.judge("t0", "ann")
    scheduler.add_task("again", "rank", repeat_of="t0", assignee="ann")
    scheduler.retract("t0", "ann")
    drawn = scheduler.lease("ann", "rank", 9, 0)[0]
    assert {grant.task_id for grant in drawn} == {"t0", "t1", "t2", "t3"}
    scheduler.judge("t0", "ann")
    for number in range(4, 8):
        scheduler.add_task(f"t{number}", "rank")
    drawn = scheduler.lease("ann", "rank", 9, 0, held=["t1", "t2", "t3"])[0]
    assert [(g.task_id, g.selection) for g in drawn if g.task_id == "again"] == [
        ("again", "repeat")
    ]
    assert scheduler.lease("bob", "rank", 9, 0)[0] == []


def work(client: HubClient, most: int = 1000, batch: int = 1) -> list[Item]:
    """Judge one item after another; the items."""
    done: list[Item] = []
    while len(done) < most:
        items = client.call(Lease(kind="rank", limit=batch), Leased).items
        if not items:
            break
        client.call(Submit([judgement(item) for item in items]), Submitted)
        done += items
    return done


def texts(item: Item) -> list[str]:
    return [completion.completion_id for completion in item.completions]


def test_repeats_come_swapped_to_the_same_person_alone_over_restarts(
    start_hub: Callable[..., HubProcess], workspace: Workspace
) -> None:
    set_label(workspace, repeat_share=0.4, overlap=2)
    hub = start_hub()
    ingest(workspace, tasks(24, overlap=2))
    with HubClient(workspace, as_name="ann") as ann:
        first = work(ann, 15)
    hub.kill()
    hub = start_hub()
    with HubClient(workspace, as_name="ann") as ann:
        first += work(ann)
        progress = ann.call(Progress(), ProgressAnswer).rank
    with HubClient(workspace, as_name="bob") as bob:
        others = work(bob)
    everyone = [*first, *others]
    # The 24 tasks that both had are all that two people share.
    assert len({item.task.task_id for item in everyone}) == len(everyone) - 24
    # What is wanted is done; the counts moved with everything that they did.
    again = len(first) - 24
    assert (progress.judgements, progress.judgements_wanted) == (24 + again, 48 + again)
    assert progress.mine == len(first) > 24
    assert progress.open_for_me == 0
    hub.stop()
    _check_stored(workspace, {"ann": first, "bob": others})


def _check_stored(workspace: Workspace, seen: dict[str, list[Item]]) -> None:
    with Store(workspace.store, workspace.lock) as store:
        for who, items in seen.items():
            stored = tasks_by_id(store, [item.task.task_id for item in items])
            by_id = {item.task.task_id: (n, item) for n, item in enumerate(items)}
            again = [task for task in stored.values() if task.repeat_of is not None]
            assert again
            for task in again:
                assert task.assignee == who
                place, repeat = by_id[task.task_id]
                before, original = by_id[task.repeat_of or ""]
                assert texts(repeat) == texts(original)[::-1]
                # A third of 24 tasks have to lie between, in judgements of wanted ones.
                assert place - before > 8
                alike = msgspec.structs.replace(
                    original.task, task_id=task.task_id, completion_ids=texts(repeat)
                )
                assert repeat.task == alike
        with store.reading() as con:
            why = con.execute(
                """SELECT e.selection, count(*) FROM events AS e JOIN tasks AS t USING (task_id)
                WHERE e.kind = 'judge' AND (t.repeat_of IS NOT NULL) = (e.selection = 'repeat')
                GROUP BY ALL"""
            ).fetchall()
    counts = dict(why)
    assert sum(counts.values()) == sum(map(len, seen.values()))
    assert set(counts) == {"repeat", "priority"}


def test_a_judgement_after_an_undo_and_a_revision_still_say_why_it_was_handed_out(
    start_hub: Callable[..., HubProcess], workspace: Workspace
) -> None:
    set_label(workspace, order="random")
    hub = start_hub()
    ingest(workspace, tasks(3))
    with HubClient(workspace, as_name="ann") as ann:
        (item,) = work(ann, 1)
        ann.call(Submit([Event(new_event_id(), "retract", item.task.task_id)]), Submitted)
        forged = msgspec.structs.replace(judgement(item), selection="gold")
        ann.call(Submit([forged]), Submitted)
    hub.kill()
    hub = start_hub()
    with HubClient(workspace, as_name="ann") as ann:
        revision = msgspec.structs.replace(judgement(item), kind="revise")
        ann.call(Submit([revision]), Submitted)
        told = ann.call(GetItem(item.task.task_id), ItemAnswer).item.event
        assert told is not None
        assert told.selection == ""
    hub.stop()
    with Store(workspace.store, workspace.lock) as store, store.reading() as con:
        stored = con.execute("SELECT kind, selection FROM events ORDER BY seq").fetchall()
    assert stored == [
        ("lease", "random"),
        ("judge", "random"),
        ("retract", ""),
        ("lease", ""),
        ("judge", "random"),
        ("revise", "random"),
    ]
