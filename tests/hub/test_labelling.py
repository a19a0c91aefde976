"""Leasing and judging through a real hub, as one and as many people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from helpers.hubs import HubProcess, ingest, judgement, tasks
from helpers.waiting import wait_until

from rlhf_tui.errors import InputError
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import (
    Done,
    GetItem,
    History,
    HistoryAnswer,
    Ingest,
    Ingested,
    Item,
    ItemAnswer,
    Lease,
    Leased,
    Progress,
    ProgressAnswer,
    SaveDraft,
    Submit,
    Submitted,
)
from rlhf_tui.records import Annotator, Event, new_event_id
from rlhf_tui.workspace import Workspace


def lease(client: HubClient, limit: int = 1, **options: object) -> Leased:
    return client.call(Lease(kind="rank", limit=limit, **options), Leased)  # type: ignore[arg-type]


def submit(client: HubClient, *events: Event) -> list[str]:
    return [r.outcome for r in client.call(Submit(list(events)), Submitted).results]


def of_task(kind: str, item: Item) -> Event:
    return msgspec.convert(
        {"event_id": new_event_id(), "kind": kind, "task_id": item.task.task_id}, Event
    )


def test_twenty_people_share_rankings_with_overlap_two_and_no_one_gets_one_twice(
    hub: HubProcess, workspace: Workspace
) -> None:
    ingest(workspace, tasks(60, overlap=2))

    def work(name: str) -> list[str]:
        seen: list[str] = []
        with HubClient(workspace, as_name=name) as client:
            while items := lease(client, 3).items:
                seen += [item.task.task_id for item in items]
                assert set(submit(client, *map(judgement, items))) == {"stored"}
        return seen

    with ThreadPoolExecutor(20) as pool:
        seen = list(pool.map(work, [f"person {number}" for number in range(20)]))
    assert all(len(own) == len(set(own)) for own in seen)
    counts = Counter(task for own in seen for task in own)
    assert len(counts) == 60
    assert set(counts.values()) == {2}
    with HubClient(workspace) as client:
        rank = client.call(Progress(), ProgressAnswer).rank
    assert (rank.judgements, rank.judgements_wanted, rank.open_for_me) == (120, 120, 0)


def test_what_a_person_sees_tells_nothing_of_where_it_comes_from(
    hub: HubProcess, workspace: Workspace
) -> None:
    ingest(workspace, tasks(20, completions=4, overlap=7, gold=True))
    with HubClient(workspace, as_name="ann") as ann, HubClient(workspace, as_name="bob") as bob:
        items = lease(ann, 20).items
        others = [
            bob.call(GetItem(item.task.task_id), ItemAnswer).item.task.completion_ids
            for item in items
        ]
    told = msgspec.json.encode(items).decode()
    for secret in (
        "secret-model",
        "generate-0007",
        "temperature",
        "c-parent",
        "gold",
        "answer",
        "overlap",
    ):
        assert secret not in told
    orders = [item.task.completion_ids for item in items]
    assert [[c.completion_id for c in item.completions] for item in items] == orders
    # Shuffled per person, not once for all.
    assert [sorted(ids) for ids in orders] == [sorted(ids) for ids in others]
    assert orders != others
    assert len({tuple(c.completion for c in item.completions) for item in items}) > 3


def test_the_shown_order_and_leases_outlive_the_hub(hub: HubProcess, workspace: Workspace) -> None:
    ingest(workspace, tasks(10))
    with HubClient(workspace, as_name="ann") as client:
        before = lease(client, 3).items
        hub.kill()
        again = lease(client, 3).items
        assert [i.task for i in again] == [i.task for i in before]
    with HubClient(workspace, as_name="bob") as other:
        mine = {item.task.task_id for item in before}
        assert not mine & {item.task.task_id for item in lease(other, 10).items}


def test_skipped_ones_come_back_when_asked_for(hub: HubProcess, workspace: Workspace) -> None:
    ingest(workspace, tasks(3))
    with HubClient(workspace) as client:
        first, second = lease(client, 2).items
        submit(client, of_task("skip", first), judgement(second))
        left = lease(client, 5)
        assert len(left.items) == 1
        assert left.remaining == 0
        assert client.call(Progress(), ProgressAnswer).rank.skipped == 1
        back = lease(client, 5, skipped=True)
        assert [item.task.task_id for item in back.items] == [first.task.task_id]
        submit(client, judgement(back.items[0]))
        assert client.call(Progress(), ProgressAnswer).rank.skipped == 0
        assert lease(client, 5, skipped=True).items == []


def test_undo_opens_the_item_again_and_history_shows_what_stands(
    hub: HubProcess, workspace: Workspace
) -> None:
    ingest(workspace, tasks(2))
    with HubClient(workspace) as client:
        first, second = lease(client, 2).items
        submit(client, judgement(first), judgement(second))
        newest = [e.event for e in client.call(History(), HistoryAnswer).entries]
        assert [e.task_id for e in newest] == [second.task.task_id, first.task.task_id]
        retract = msgspec.structs.replace(of_task("retract", second), supersedes=newest[0].event_id)
        assert submit(client, retract) == ["stored"]
        assert [e.event.task_id for e in client.call(History(), HistoryAnswer).entries] == [
            first.task.task_id
        ]
        assert [i.task.task_id for i in lease(client, 2).items] == [second.task.task_id]
        item = client.call(GetItem(first.task.task_id), ItemAnswer).item
        assert item.event is not None
        assert item.event.tiers == [1, 2, 3]


def test_what_is_taken_back_is_held_for_whoever_took_it_back(
    start_hub: Callable[..., HubProcess], workspace: Workspace
) -> None:
    hub = start_hub()
    ingest(workspace, tasks(1))
    with HubClient(workspace, as_name="ann") as ann, HubClient(workspace, as_name="bob") as bob:
        item = lease(ann).items[0]
        submit(ann, judgement(item))
        back = of_task("retract", item)
        assert submit(ann, back) == ["stored"]
        assert lease(bob).items == []
        assert submit(ann, back) == ["duplicate"]
        hub.kill()
        start_hub()
        assert lease(bob).items == []
        assert submit(ann, judgement(item)) == ["stored"]


def test_one_person_at_two_terminals_is_not_asked_twice(
    hub: HubProcess, workspace: Workspace
) -> None:
    ingest(workspace, tasks(5))

    def ids(client: HubClient, limit: int, *held: str) -> list[str]:
        return [item.task.task_id for item in lease(client, limit, held=list(held)).items]

    with HubClient(workspace, as_name="ann") as one:
        with HubClient(workspace, as_name="ann") as two:
            first, second = ids(one, 2), ids(two, 2)
            assert len({*first, *second}) == 4
            # What is given back at one terminal can be had at the other.
            submit(one, Event(new_event_id(), "release", first[0]))
            assert first[0] in ids(two, 2, *second)
        # What a terminal that is gone had comes back at the one that is left.
        wait_until(lambda: {*second, first[0]} <= set(ids(one, 4, first[1])))


def test_a_late_judgement_is_kept_and_marked(hub: HubProcess, workspace: Workspace) -> None:
    ingest(workspace, tasks(1))
    with HubClient(workspace, as_name="ann") as ann, HubClient(workspace, as_name="bob") as bob:
        item = lease(ann).items[0]
        submit(ann, of_task("release", item))
        other = lease(bob).items[0]
        assert submit(bob, judgement(other)) == ["stored"]
        assert submit(ann, judgement(item)) == ["surplus"]
        assert [e.event.surplus for e in ann.call(History(), HistoryAnswer).entries] == [True]


def test_the_same_event_twice_is_a_duplicate(hub: HubProcess, workspace: Workspace) -> None:
    ingest(workspace, tasks(1))
    with HubClient(workspace) as client:
        event = judgement(lease(client).items[0])
        assert submit(client, event, event) == ["stored", "duplicate"]
        assert submit(client, event) == ["duplicate"]


def test_the_hub_says_who_acted_whatever_the_event_claims(
    hub: HubProcess, workspace: Workspace
) -> None:
    ingest(workspace, tasks(1))
    with HubClient(workspace, as_name="ann") as client:
        event = judgement(lease(client).items[0])
        forged = msgspec.structs.replace(event, annotator="bob", surplus=True, acting_uid=7, seq=9)
        submit(client, forged)
        (stored,) = client.call(History(), HistoryAnswer).entries
    assert stored.event.annotator == "ann"
    assert stored.event.acting_uid == workspace.root.stat().st_uid
    assert not stored.event.surplus


def test_drafts_are_given_back_with_the_item(hub: HubProcess, workspace: Workspace) -> None:
    ingest(workspace, tasks(1))
    with HubClient(workspace) as client:
        item = lease(client).items[0]
        client.call(SaveDraft(item.task.task_id, {"tiers": [1, None, 2]}), Done)
        assert lease(client).items[0].draft == {"tiers": [1, None, 2]}
        client.call(SaveDraft(item.task.task_id), Done)
        assert lease(client).items[0].draft is None
        with pytest.raises(InputError, match="no task"):
            client.call(SaveDraft("t-none", {"a": 1}), Done)


WRONG = {
    "a completion of another task": {"shown": ["c-1", "c-2", "c-3"]},
    "shown twice": {"shown": "double"},
    "2 tiers for 3": {"tiers": [1, 2]},
    "tiers go from 1": {"tiers": [0, 1, 2]},
    "ranks nothing": {"tiers": []},
    "2 thumbs for 3": {"thumbs": [True, False]},
    "strength goes from 1 to 4": {"strength": 9},
    "time is out of range": {"active_ms": -1},
    "hub alone makes leases": {"kind": "lease"},
    "no usable event id": {"event_id": ""},
    "which completions were shown": {"shown": [], "tiers": []},
}


def test_impossible_judgements_are_refused_in_a_sentence_and_nothing_is_stored(
    hub: HubProcess, workspace: Workspace
) -> None:
    ingest(workspace, tasks(1))
    with HubClient(workspace) as client:
        good = judgement(lease(client).items[0])
        for sentence, changes in WRONG.items():
            changed = dict(changes)
            if changed.get("shown") == "double":
                changed["shown"] = [good.shown[0]] * 3
            wrong = msgspec.structs.replace(good, **changed)
            pattern = sentence.replace("a completion of another task", "not of this task")
            with pytest.raises(InputError, match=pattern):
                submit(client, wrong)
        with pytest.raises(InputError, match="no task"):
            submit(client, msgspec.structs.replace(good, task_id="t-none"))
        assert client.call(History(), HistoryAnswer).entries == []
        partial = msgspec.structs.replace(good, shown=good.shown[:2], tiers=[1, None])
        assert submit(client, partial) == ["stored"]


def test_an_import_that_comes_again_does_not_undo_what_was_done_since(
    hub: HubProcess, workspace: Workspace
) -> None:
    batch = tasks(2)
    for task in batch.tasks:
        shown = task.completion_ids
        event = Event(new_event_id(), "judge", task.task_id, "ann", shown, [1, 2, 3])
        batch.events.append(event)
    later = batch.events.pop()
    with HubClient(workspace, as_name="ann") as client:
        client.call(batch, Ingested)
        submit(client, Event(new_event_id(), "retract", batch.events[0].task_id))
        batch.events.append(later)
        assert client.call(batch, Ingested).added.events == 1
        assert [i.task.task_id for i in lease(client, 2).items] == [batch.events[0].task_id]


def test_a_number_that_no_column_holds_is_refused_and_the_hub_goes_on(
    hub: HubProcess, workspace: Workspace
) -> None:
    batch = tasks(1)
    batch.completions[0] = msgspec.structs.replace(batch.completions[0], tokens=2**40)
    with HubClient(workspace) as client:
        with pytest.raises(InputError, match="too large to be stored"):
            client.call(batch, Ingested)
        assert client.call(Progress(), ProgressAnswer).completions == 0
    assert hub.process.poll() is None


def test_an_import_brings_judgements_of_its_annotator_once(
    hub: HubProcess, workspace: Workspace
) -> None:
    batch = tasks(5)
    batch.annotators.append(Annotator("hh-rlhf"))
    for task in batch.tasks:
        batch.events.append(
            Event(
                f"import-{task.task_id}",
                "judge",
                task.task_id,
                annotator="hh-rlhf",
                shown=task.completion_ids,
                tiers=[1, 2, 2],
            )
        )
    with HubClient(workspace) as client:
        first = client.call(batch, Ingested)
        assert (first.added.tasks, first.added.events) == (5, 5)
        again = client.call(batch, Ingested)
        assert again.added == msgspec.convert({}, type(again.added))
        assert again.duplicates.events == 5
        assert lease(client, 5).items == []
        missing = Ingest(completions=batch.completions[:1])
        missing.completions[0] = msgspec.structs.replace(
            missing.completions[0], completion_id="c-x", prompt_id="p-none"
        )
        with pytest.raises(InputError, match="not in the store"):
            client.call(missing, Ingested)
