"""The connection that is made while the screens are imported, and what it must not break."""

from __future__ import annotations

import asyncio
import time

import pytest
from helpers.hubs import HubProcess, ingest, judgement, tasks

from rlhf_tui.errors import HubError
from rlhf_tui.hub.aio import AsyncHub
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.early import EarlyStart, Question
from rlhf_tui.hub.messages import (
    HubStatus,
    HubStatusAnswer,
    Lease,
    Leased,
    Progress,
    ProgressAnswer,
    Submit,
    Submitted,
)
from rlhf_tui.hub.spool import Spool, spool_path
from rlhf_tui.workspace import Workspace

QUESTIONS: list[Question] = [
    (Progress(), ProgressAnswer),
    (Lease(kind="rank", limit=2), Leased),
]


def begin(workspace: Workspace) -> EarlyStart:
    return EarlyStart(workspace, QUESTIONS, client="tui", as_name="ann")


async def test_the_loop_goes_on_with_the_connection_and_its_answers(
    workspace: Workspace, hub: HubProcess
) -> None:
    ingest(workspace, tasks(5))
    link = AsyncHub(workspace, as_name="ann", early=begin(workspace))
    await link.start()
    try:
        assert link.welcome is not None
        assert link.welcome.annotator == "ann"
        first = await link.call(Lease(kind="rank", limit=2), Leased)
        assert len(first.items) == 2
        # Asked again it is a new question: what is held is told, and others come.
        held = [item.task.task_id for item in first.items]
        second = await link.call(Lease(kind="rank", limit=2, held=held), Leased)
        assert not {item.task.task_id for item in second.items} & set(held)
        assert await link.submit(judgement(first.items[0])) == "saved"
        assert (await link.call(Progress(), ProgressAnswer)).rank.mine == 0  # as it was asked early
        assert (await link.call(Progress(), ProgressAnswer)).rank.mine == 1
        # One connection, not two.
        assert (await link.call(HubStatus(), HubStatusAnswer)).clients == 1
    finally:
        await link.close()


async def test_nothing_is_asked_early_of_who_has_judgements_in_the_spool(
    workspace: Workspace, hub: HubProcess
) -> None:
    ingest(workspace, tasks(2))
    with HubClient(workspace, as_name="ann") as client:
        items = client.call(Lease(kind="rank", limit=2), Leased).items
    Spool(spool_path(workspace, "ann")).append(judgement(items[0]))
    link = AsyncHub(workspace, as_name="ann", early=begin(workspace))
    await link.start()
    try:
        assert (await link.call(Progress(), ProgressAnswer)).rank.mine == 1
        leased = await link.call(Lease(kind="rank", limit=2), Leased)
        assert [item.task.task_id for item in leased.items] == [items[1].task.task_id]
    finally:
        await link.close()


async def test_a_hub_that_goes_takes_the_early_answers_with_it(
    workspace: Workspace, hub: HubProcess
) -> None:
    ingest(workspace, tasks(3))
    link = AsyncHub(workspace, as_name="ann", early=begin(workspace))
    changes: list[str] = []
    link.on_change = changes.append
    await link.start()
    try:
        hub.kill()
        end = time.monotonic() + 60
        while changes[:2] != ["away", "connected"]:
            assert time.monotonic() < end
            await asyncio.sleep(0.01)
        # The new hub has let go of what the old one leased: the answer must be its own.
        with HubClient(workspace, as_name="ann") as client:
            item = client.call(Lease(kind="rank", limit=1), Leased).items[0]
            client.call(Submit([judgement(item)]), Submitted)
        assert (await link.call(Progress(), ProgressAnswer)).rank.mine == 1
    finally:
        await link.close()


def test_a_failure_is_left_to_the_ordinary_way(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_arguments: object, **_named: object) -> None:
        raise HubError("No hub today.")

    monkeypatch.setattr("rlhf_tui.hub.early.HubClient", refuses)
    assert begin(workspace).take() is None
