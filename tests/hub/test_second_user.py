"""A second system user in a shared workspace: labels as themselves, and reviews once named."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec
import pytest
from helpers.hubs import HubProcess, ingest, judgement, tasks
from helpers.second_user import NAME, SecondUser, needs_root, open_to_nobody, workspace_apart
from helpers.waiting import wait_until

from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import (
    Disputed,
    DisputedAnswer,
    Done,
    Export,
    History,
    HistoryAnswer,
    Item,
    Lease,
    Leased,
    ListRuns,
    MarkGold,
    RunList,
    Stats,
    StatsAnswer,
    Submit,
    Submitted,
    Votes,
    VotesAnswer,
)
from rlhf_tui.records import Event
from rlhf_tui.workspace import Workspace

TASKS = 3
SHARED = "[workspace]\nshared = true\n"


@pytest.fixture
def workspace() -> Iterator[Workspace]:
    with workspace_apart() as apart:
        yield apart


def settling(item: Item) -> Event:
    return msgspec.structs.replace(judgement(item), kind="adjudicate")


def shared_hub(start_hub: Callable[..., HubProcess], workspace: Workspace) -> None:
    """Two others have judged everything, one the other way round."""
    open_to_nobody(workspace)
    workspace.config.write_text(SHARED)
    start_hub()
    ingest(workspace, tasks(TASKS, overlap=4))
    for name, backwards in (("ann", False), ("bob", True)):
        with HubClient(workspace, as_name=name) as client:
            items = client.call(Lease(kind="rank", limit=TASKS), Leased).items
            events = []
            for item in items:
                event = judgement(item)
                order = sorted(event.shown, reverse=backwards)
                tiers: list[int | None] = [order.index(name) + 1 for name in event.shown]
                events.append(msgspec.structs.replace(event, tiers=tiers))
            client.call(Submit(events), Submitted)


@needs_root
def test_they_label_as_themselves_and_see_their_own(
    start_hub: Callable[..., HubProcess], workspace: Workspace
) -> None:
    shared_hub(start_hub, workspace)
    with SecondUser(workspace) as nobody:
        assert (nobody.welcome.annotator, nobody.welcome.role) == (NAME, "annotator")
        items = nobody.ask(Lease(kind="rank", limit=TASKS), Leased).items
        assert len(items) == TASKS
        first, second, _ = items
        # As whom an event says that it is makes no difference.
        claimed = msgspec.structs.replace(judgement(first), annotator="ann", acting_uid=0)
        stored = nobody.ask(Submit([claimed, judgement(second)]), Submitted).results
        assert [result.outcome for result in stored] == ["stored"] * 2
        entries = nobody.ask(History(), HistoryAnswer).entries
        assert [entry.event.task_id for entry in entries] == [
            second.task.task_id,
            first.task.task_id,
        ]
        report = nobody.ask(Stats(), StatsAnswer).report
        assert [(one.annotator, one.judgements) for one in report.annotators] == [(NAME, 2)]
        assert (report.tasks, report.agreement) == (TASKS, [])
        for request in (Disputed(), MarkGold(first.task.task_id), ListRuns()):
            assert nobody.refused(request).startswith("Denied: ")
        assert nobody.refused(Submit([settling(first)])).startswith("Denied: ")
    with HubClient(workspace) as owner:
        votes = owner.call(Votes(first.task.task_id), VotesAnswer).events
        assert sorted(vote.annotator for vote in votes) == ["ann", "bob", NAME]
    with HubClient(workspace, as_name="ann") as ann:
        assert len(ann.call(History(), HistoryAnswer).entries) == TASKS


@needs_root
def test_named_a_reviewer_they_review_from_their_next_connection_on(
    start_hub: Callable[..., HubProcess], workspace: Workspace
) -> None:
    shared_hub(start_hub, workspace)

    def connect_as_reviewer() -> SecondUser | None:
        user = SecondUser(workspace)
        if user.welcome.role == "reviewer":
            return user
        with user:
            return None

    with SecondUser(workspace) as before:
        (item,) = before.ask(Lease(kind="rank", limit=1), Leased).items
        before.ask(Submit([judgement(item)]), Submitted)
        settings = workspace.config.with_name("rlhf.toml.new")
        settings.write_text(f'{SHARED}[label]\nreviewers = ["{NAME}"]\n')
        settings.replace(workspace.config)
        found = wait_until(connect_as_reviewer, what="the file is looked at again")
        assert found is not None
        assert before.refused(Disputed()).startswith("Denied: ")
    with found as reviewer:
        disputed = reviewer.ask(Disputed(), DisputedAnswer)
        assert disputed.total == TASKS
        cast = {d.item.task.task_id: {v.annotator for v in d.votes} for d in disputed.disputes}
        assert cast[item.task.task_id] == {"ann", "bob", NAME}
        settled = reviewer.ask(Submit([settling(item)]), Submitted).results
        assert [result.outcome for result in settled] == ["stored"]
        assert reviewer.ask(Disputed(), DisputedAnswer).total == TASKS - 1
        (done,) = reviewer.ask(Disputed(settled=True), DisputedAnswer).disputes
        assert done.settled is not None
        assert done.settled.annotator == NAME
        known = {id_: tier for tier, id_ in enumerate(item.task.completion_ids, 1)}
        reviewer.ask(MarkGold(item.task.task_id, known), Done)
        people = [
            one.annotator for one in reviewer.ask(Stats(max_age_s=0), StatsAnswer).report.annotators
        ]
        assert sorted(people) == ["ann", "bob", NAME]
        assert reviewer.ask(ListRuns(), RunList).runs == []
        export = Export(DatasetSpec("rankings"), "jsonl")
        assert reviewer.refused(export).startswith(
            "Denied: That is for the owner of the workspace (export)"
        )
