"""The client of the TUI: what happens to judgements while the hub comes and goes."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable

import pytest
from helpers.hubs import HubProcess, end_hub, ingest, judgement, tasks

from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.hub import autostart
from rlhf_tui.hub.aio import AsyncHub
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import (
    Done,
    History,
    HistoryAnswer,
    HubStatus,
    HubStatusAnswer,
    Lease,
    Leased,
    Progress,
    ProgressAnswer,
    Shutdown,
)
from rlhf_tui.hub.spool import Spool, spool_path
from rlhf_tui.records import Event, new_event_id
from rlhf_tui.workspace import Workspace

Start = Callable[..., HubProcess]


async def until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, what
        await asyncio.sleep(0.01)


@pytest.fixture
async def link(workspace: Workspace, start_hub: Start) -> AsyncIterator[AsyncHub]:
    """A client of a running hub with twenty rankings."""
    start_hub()
    ingest(workspace, tasks(20))
    found = AsyncHub(workspace, as_name="ann")
    await found.start()
    yield found
    await found.close()


@pytest.fixture
def stays_away(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Keeps clients from starting a hub, as for someone who does not own the workspace."""

    def switch(away: bool) -> None:
        program = (sys.executable, "-c", "import sys; sys.exit('not now')")
        command = program if away else (sys.executable, "-m", "rlhf_tui.hub.server")
        monkeypatch.setattr(autostart, "SERVER_COMMAND", command)

    return switch


async def test_a_request_on_a_connection_that_is_closing_waits_for_a_new_one(
    link: AsyncHub,
) -> None:
    # As after a failed write: this end closes, and the reader has not learnt of it yet.
    writer = link._line._writer
    assert writer is not None
    writer.close()
    async with asyncio.timeout(60):
        await link.call(Progress(), ProgressAnswer)
    assert link._line._writer is not writer


async def test_saves_and_answers(link: AsyncHub, workspace: Workspace) -> None:
    assert link.connected
    assert link.welcome is not None
    assert link.welcome.annotator == "ann"
    leased = await link.call(Lease(kind="rank", limit=2), Leased)
    assert await link.submit(judgement(leased.items[0])) == "saved"
    progress, status = await asyncio.gather(
        link.call(Progress(), ProgressAnswer), link.call(HubStatus(), HubStatusAnswer)
    )
    assert progress.rank.mine == 1
    assert status.clients == 1
    with pytest.raises(InputError, match="no task"):
        await link.submit(Event(new_event_id(), "skip", "t-none"))


async def test_judgements_made_while_the_hub_is_away_arrive_in_order(
    link: AsyncHub, workspace: Workspace, stays_away: Callable[[bool], None]
) -> None:
    changes: list[str] = []
    link.on_change = changes.append
    items = (await link.call(Lease(kind="rank", limit=4), Leased)).items
    stays_away(True)
    end_hub(workspace)
    await until(lambda: not link.connected, "the client notices")
    events = [judgement(item) for item in items]
    assert [await link.submit(event) for event in events] == ["spooled"] * 4
    retract = Event(new_event_id(), "retract", events[0].task_id, supersedes=events[0].event_id)
    assert await link.submit(retract) == "spooled"
    assert link.spooled == 5
    stays_away(False)
    await until(lambda: link.connected and link.spooled == 0, "the spool is empty")
    await until(lambda: "replayed" in changes, "the screen is told")
    # "away" comes again with the reason, if the hub was tried to be started meanwhile.
    assert list(dict.fromkeys(changes)) == ["away", "connected", "replayed"]
    found = (await link.call(History(), HistoryAnswer)).entries
    assert [e.event.event_id for e in found] == [e.event_id for e in reversed(events[1:])]
    assert await link.submit(events[0]) == "saved"
    assert (await link.call(Progress(), ProgressAnswer)).rank.mine == 3


async def test_why_no_hub_can_be_started_is_known_and_told(
    link: AsyncHub, stays_away: Callable[[bool], None], workspace: Workspace
) -> None:
    told: list[str] = []
    [item] = (await link.call(Lease(kind="rank", limit=1), Leased)).items
    link.on_change = lambda change: told.append(f"{change}: {link.trouble}")
    stays_away(True)
    end_hub(workspace)
    await until(lambda: "away: not now" in told, "the reason")
    assert await link.submit(judgement(item)) == "spooled"
    stays_away(False)
    await until(lambda: not link.unsent, "what was kept is sent")
    assert link.trouble == ""


async def test_a_spool_that_an_earlier_program_left_is_sent_at_the_start(
    workspace: Workspace, hub: HubProcess
) -> None:
    ingest(workspace, tasks(2))
    with HubClient(workspace, as_name="ann") as client:
        items = client.call(Lease(kind="rank", limit=2), Leased).items
    spool = Spool(spool_path(workspace, "ann"))
    spool.append(judgement(items[0]))
    spool.append(Event(new_event_id(), "skip", "t-of-another-workspace"))
    spool.append(judgement(items[1]))
    link = AsyncHub(workspace, as_name="ann")
    await link.start()
    try:
        assert link.spooled == 0
        assert (await link.call(Progress(), ProgressAnswer)).rank.mine == 2
    finally:
        await link.close()
    assert b"t-of-another-workspace" in spool.path.with_suffix(".rejected.jsonl").read_bytes()


async def test_nothing_is_asked_before_what_an_earlier_program_spooled_has_been_sent(
    workspace: Workspace, hub: HubProcess
) -> None:
    ingest(workspace, tasks(3))
    with HubClient(workspace, as_name="ann") as client:
        judged = client.call(Lease(kind="rank", limit=2), Leased).items
    spool = Spool(spool_path(workspace, "ann"))
    for item in judged:
        spool.append(judgement(item))
    link = AsyncHub(workspace, as_name="ann")
    try:
        # A screen asks at once, while the connection is being made.
        _, leased = await asyncio.gather(
            link.start(), link.call(Lease(kind="rank", limit=3), Leased)
        )
    finally:
        await link.close()
    again = {item.task.task_id for item in judged} & {i.task.task_id for i in leased.items}
    assert len(leased.items) == 1 and not again


async def test_what_another_program_of_the_person_sent_is_known_to_be_sent(
    link: AsyncHub, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlhf_tui.hub.aio.RETRY_S", 0.01)
    changes: list[str] = []
    link.on_change = changes.append
    link.unsent = {"e-sent-by-another": "t-1"}
    await until(lambda: not link.unsent, "the spool is found empty")
    assert changes == ["replayed"]


async def test_a_hub_that_was_killed_is_started_again_and_asked_again(
    link: AsyncHub, workspace: Workspace
) -> None:
    before = (await link.call(HubStatus(), HubStatusAnswer)).pid
    os.kill(before, signal.SIGKILL)
    assert (await link.call(HubStatus(), HubStatusAnswer)).pid != before
    assert await link.call(Lease(kind="rank"), Leased)


async def test_a_hub_that_hangs_does_not_keep_a_judgement(
    workspace: Workspace, start_hub: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlhf_tui.hub.aio.SAVE_S", 0.2)
    hub = start_hub()
    ingest(workspace, tasks(1))
    link = AsyncHub(workspace)
    await link.start()
    try:
        item = (await link.call(Lease(kind="rank"), Leased)).items[0]
        hub.process.send_signal(signal.SIGSTOP)
        assert await link.submit(judgement(item)) == "spooled"
        hub.process.send_signal(signal.SIGCONT)
        await until(lambda: link.spooled == 0, "the spool is empty")
        # The copy that was on its way and the spooled one are one event.
        assert len((await link.call(History(), HistoryAnswer)).entries) == 1
    finally:
        await link.close()


async def test_a_hub_that_hangs_while_the_spool_is_sent_keeps_no_judgement_either(
    workspace: Workspace, start_hub: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlhf_tui.hub.aio.SAVE_S", 0.2)
    monkeypatch.setattr("rlhf_tui.hub.aio.RETRY_S", 0.01)
    hub = start_hub()
    ingest(workspace, tasks(2))
    link = AsyncHub(workspace)
    await link.start()
    try:
        first, second = (await link.call(Lease(kind="rank", limit=2), Leased)).items
        hub.process.send_signal(signal.SIGSTOP)
        assert await link.submit(judgement(first)) == "spooled"
        await until(lambda: bool(link._line._waiting), "the spool is being sent")
        async with asyncio.timeout(30):
            assert await link.submit(judgement(second)) == "spooled"
        hub.process.send_signal(signal.SIGCONT)
        await until(lambda: link.spooled == 0, "the spool is empty")
        assert len((await link.call(History(), HistoryAnswer)).entries) == 2
    finally:
        await link.close()


async def test_a_spool_that_cannot_be_shortened_ends_nothing(
    link: AsyncHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rlhf_tui.hub.aio.RETRY_S", 0.01)
    items = (await link.call(Lease(kind="rank", limit=2), Leased)).items
    tries: list[int] = []
    forget = Spool.forget

    def full(*arguments: object) -> int:
        tries.append(1)
        if len(tries) < 3:
            raise OSError(28, "No space left on device")
        return forget(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Spool, "forget", full)
    spool = Spool(spool_path(link.workspace, "ann"))
    link.unsent = {e.event_id: e.task_id for e in spool.append(judgement(items[0]))}
    await until(lambda: link.spooled == 0, "the spool is empty")
    assert len(tries) == 3
    assert await link.submit(judgement(items[1])) == "saved"
    assert len((await link.call(History(), HistoryAnswer)).entries) == 2


async def test_a_name_that_is_refused_is_the_error_that_it_is(
    workspace: Workspace, hub: HubProcess
) -> None:
    with pytest.raises(UsageError, match="annotator name"):
        await AsyncHub(workspace, as_name="../x").start()


async def test_a_hub_that_leaves_in_good_order_is_found_again(
    link: AsyncHub, workspace: Workspace
) -> None:
    changes: list[str] = []
    link.on_change = changes.append
    with HubClient(workspace) as client:
        client.call(Shutdown(force=True), Done)
    await until(lambda: changes == ["away", "connected"], "away and back")


def test_the_clients_import_no_database() -> None:
    program = (
        "import sys, rlhf_tui.hub.aio, rlhf_tui.hub.client;"
        "print([m for m in ('duckdb', 'torch', 'textual', 'pyarrow', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
