"""`kill -9` of the hub while people save: whatever was acknowledged is there, once."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from helpers.hubs import HubProcess, end_hub, ingest, judgement, tasks
from helpers.waiting import wait_until

from rlhf_tui.hub import life
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Lease, Leased, Submit, Submitted
from rlhf_tui.runs.process import alive
from rlhf_tui.store.database import Store
from rlhf_tui.store.gate import StoreBusy
from rlhf_tui.workspace import Workspace

PEOPLE = 5
KILLS = 4
SAVES_BETWEEN = 25


def opened(workspace: Workspace) -> Store | None:
    """The store, once the last hub is gone: one that lost a race may come up late."""
    end_hub(workspace)
    try:
        return Store(workspace.store, workspace.lock)
    except StoreBusy:
        return None


def test_no_acknowledged_event_is_lost_or_doubled(workspace: Workspace) -> None:
    ingest(workspace, tasks(2000, completions=2))
    acknowledged: list[str] = []
    judged: Counter[str] = Counter()
    enough = threading.Event()

    def work(name: str) -> None:
        # The client starts the next hub itself, and repeats what it had no answer to.
        with HubClient(workspace, as_name=name) as client:
            while not enough.is_set():
                for item in client.call(Lease(kind="rank", limit=2), Leased).items:
                    event = judgement(item)
                    client.call(Submit([event]), Submitted)
                    acknowledged.append(event.event_id)
                    judged[item.task.task_id] += 1

    def kill_one() -> None:
        goal = len(acknowledged) + SAVES_BETWEEN
        wait_until(lambda: len(acknowledged) >= goal or any(j.done() for j in jobs), deadline=120)
        end_hub(workspace)

    with ThreadPoolExecutor(PEOPLE) as pool:
        jobs = [pool.submit(work, f"person {number}") for number in range(PEOPLE)]
        try:
            for _ in range(KILLS):
                kill_one()
        finally:
            enough.set()
        for job in jobs:
            job.result()
    with wait_until(lambda: opened(workspace), deadline=60) as store, store.reading() as con:
        rows = con.execute("SELECT event_id, task_id FROM events WHERE kind = 'judge'").fetchall()
        beyond = con.execute(
            "SELECT count(*) FROM (SELECT task_id FROM events WHERE kind = 'judge' AND NOT surplus"
            " GROUP BY task_id HAVING count(*) > 1)"
        ).fetchall()
    stored = Counter(event_id for event_id, _ in rows)
    assert set(acknowledged) <= set(stored)
    assert set(stored.values()) == {1}
    assert beyond == [(0,)]
    assert len(acknowledged) >= KILLS * SAVES_BETWEEN


def test_two_hubs_are_never_on_one_store(
    start_hub: Callable[..., HubProcess], workspace: Workspace
) -> None:
    """Hubs started in a loop while one is killed again and again: each time one gets in."""
    for _ in range(3):
        rivals = [HubProcess(workspace) for _ in range(3)]
        wait_until(lambda: sum(r.process.poll() is None for r in rivals) == 1)  # noqa: B023
        (winner,) = (rival for rival in rivals if rival.process.poll() is None)
        winner.ready()
        with HubClient(workspace) as client:
            assert client.welcome.pid == winner.process.pid
        winner.kill()
        found = life.read_hub_file(workspace)
        assert found is None or not alive(found.process)
