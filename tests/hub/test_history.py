"""What people find of their own work, and what they may see of others'."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from helpers.hubs import HubProcess, ingest, judgement, set_label, tasks
from helpers.inside import ask, hub_inside, person

from rlhf_tui.errors import Denied, InputError
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.intake import take_in
from rlhf_tui.hub.leasing import repeat_task
from rlhf_tui.hub.messages import (
    GetItem,
    History,
    HistoryAnswer,
    HistoryEntry,
    Ingest,
    Ingested,
    Item,
    ItemAnswer,
    Lease,
    Leased,
    Submit,
    Submitted,
    Trail,
    TrailAnswer,
    Votes,
    VotesAnswer,
)
from rlhf_tui.records import (
    Completion,
    Event,
    Message,
    Prompt,
    Task,
    Written,
    imported_completion_id,
    new_event_id,
)
from rlhf_tui.workspace import Workspace


def lease(client: HubClient, limit: int) -> list[Item]:
    return client.call(Lease(kind="rank", limit=limit), Leased).items


def submit(client: HubClient, *events: Event) -> list[str]:
    return [r.outcome for r in client.call(Submit(list(events)), Submitted).results]


def on(item: Item, kind: str, **fields: object) -> Event:
    named = {"event_id": new_event_id(), "kind": kind, "task_id": item.task.task_id}
    return msgspec.convert({**named, **fields}, Event)


def entries(client: HubClient, **options: object) -> list[HistoryEntry]:
    return client.call(History(**options), HistoryAnswer).entries  # type: ignore[arg-type]


def tasks_of(found: list[HistoryEntry]) -> list[str]:
    return [entry.event.task_id for entry in found]


def films() -> Ingest:
    """Six rankings of two; prompts are conversations on one film each."""
    batch = Ingest()
    for number, film in enumerate(["Alien", "Brazil", "Casablanca", "Dune", "Élite", "Fargo"]):
        turns = [
            Message("user", "Hello."),
            Message("assistant", "Yes?"),
            Message("user", f"What of {film}? " + "x" * 400),
        ]
        batch.prompts.append(Prompt(f"p{number}", turns))
        for place in range(2):
            text = [Message("assistant", f"Answer {place} on number {number}, 100% sure")]
            batch.completions.append(Completion(f"c{number}{place}", f"p{number}", text))
        ids = [f"c{number}0", f"c{number}1"]
        batch.tasks.append(Task(f"t{number}", "rank", f"p{number}", ids))
    return batch


def test_history_is_searched_and_filtered_page_by_page(
    hub: HubProcess, workspace: Workspace
) -> None:
    ingest(workspace, films())
    with HubClient(workspace, as_name="ann") as ann, HubClient(workspace, as_name="bob") as bob:
        items = {item.task.task_id: item for item in lease(ann, 6)}
        first = judgement(items["t0"])
        wrote = Written(imported_completion_id("p3", "Spice.", "human", ""), "Spice.")
        submit(
            ann,
            first,
            msgspec.structs.replace(judgement(items["t1"]), critique="Too LONG", tags=["fun"]),
            on(items["t2"], "skip", reason="too hard"),
            on(items["t3"], "flag", reason="unsafe"),
            on(items["t4"], "flag", reason="private data"),
            msgspec.structs.replace(
                judgement(items["t3"]),
                shown=["c30", "c31", wrote.completion_id],
                tiers=[2, 3, 1],
                written=[wrote],
            ),
            msgspec.structs.replace(first, event_id=new_event_id(), kind="revise"),
        )
        everything = entries(ann)
        assert tasks_of(everything) == ["t0", "t3", "t2", "t1"]
        by_task = {entry.event.task_id: entry for entry in everything}
        assert {task: entry.revisions for task, entry in by_task.items()} == {
            "t0": 1,
            "t1": 0,
            "t2": 0,
            "t3": 0,
        }
        assert by_task["t3"].flagged == "unsafe"
        assert by_task["t0"].prompt == "What of Alien? " + "x" * 285
        assert tasks_of(entries(ann, states=["judged"])) == ["t0", "t3", "t1"]
        assert tasks_of(entries(ann, states=["skipped"])) == ["t2"]
        assert tasks_of(entries(ann, states=["flagged"])) == ["t3", "t4"]
        assert [e.event.kind for e in entries(ann, states=["flagged"])] == ["judge", "flag"]
        assert tasks_of(entries(ann, states=["flagged", "skipped"])) == ["t3", "t4", "t2"]

        for search, expected in {
            "casaBLANCA": ["t2"],
            "élite": [],
            "on number 1": ["t1"],
            "too": ["t2", "t1"],
            "FUN": ["t1"],
            "spice": ["t3"],
            "unsafe": ["t3"],
            "100% sure": ["t0", "t3", "t2", "t1"],
            "100_ sure": [],
            "fargo": [],
        }.items():
            assert tasks_of(entries(ann, search=search)) == expected, search
        assert tasks_of(entries(ann, search="ÉLITE", states=["flagged"])) == ["t4"]

        for search in ("", "sure"):
            paged: list[str] = []
            before = 0
            while page := entries(ann, limit=1, before_seq=before, search=search):
                paged += tasks_of(page)
                before = page[-1].event.seq
            assert paged == ["t0", "t3", "t2", "t1"]
        assert entries(ann, kind="thumbs") == []
        assert entries(bob) == []
        # A flag without a reason takes it back.
        submit(ann, on(items["t3"], "flag"), on(items["t4"], "flag"))
        assert entries(ann, states=["flagged"]) == []


def test_search_looks_beyond_the_newest_items(hub: HubProcess, workspace: Workspace) -> None:
    ingest(workspace, tasks(230, completions=2))
    with HubClient(workspace) as client:
        found: dict[str, str] = {}
        while items := lease(client, 100):
            submit(client, *(judgement(item) for item in items))
            found |= {str(item.prompt.prompt): item.task.task_id for item in items}
        for prompt in ("Prompt 0:", "Prompt 117:", "Prompt 229:"):
            (entry,) = entries(client, search=prompt.upper())
            assert (entry.event.task_id, entry.prompt) == (found[prompt], prompt)


def test_the_trail_is_ones_own_lines_of_one_kind(
    start_hub: Callable[..., HubProcess], workspace: Workspace
) -> None:
    hub = start_hub()
    batch = films()
    batch.tasks.append(Task("th", "thumbs", "p0", ["c00"]))
    ingest(workspace, batch)
    with HubClient(workspace, as_name="ann") as ann, HubClient(workspace, as_name="bob") as bob:
        one, two, _ = lease(ann, 3)
        other = lease(bob, 1)[0]
        judged = judgement(one)
        lines = [
            judged,
            on(two, "skip"),
            on(one, "retract", supersedes=judged.event_id),
            on(one, "flag", reason="unsafe"),
            judgement(one),
        ]
        submit(ann, *lines)
        submit(ann, Event(new_event_id(), "judge", "th", shown=["c00"], thumbs=[True]))
        submit(bob, judgement(other))
        expected = [lines[i].event_id for i in (4, 2, 1, 0)]
        hub.kill()
        start_hub()
        trail = ann.call(Trail(kind="rank"), TrailAnswer).events
        assert [event.event_id for event in trail] == expected
        assert trail[1].supersedes == judged.event_id
        older = ann.call(Trail(kind="rank", limit=2, before_seq=trail[1].seq), TrailAnswer).events
        assert [event.event_id for event in older] == expected[2:]
        thumbs = ann.call(Trail(kind="thumbs"), TrailAnswer).events
        assert [event.task_id for event in thumbs] == ["th"]


async def one_judged_by(hub: Hub, *names: str) -> dict[str, Event]:
    """A ranking of two, judged by each of these people; their judgements."""
    await ask(hub, person("owner", "owner"), tasks(1, overlap=9, completions=2), Ingested)
    judged = {}
    for name in names:
        who = person(name)
        (item,) = (await ask(hub, who, Lease(kind="rank"), Leased)).items
        judged[name] = judgement(item)
        await ask(hub, who, Submit([judged[name]]), Submitted)
    return judged


async def test_others_votes_are_hidden_until_ones_own_is_given(workspace: Workspace) -> None:
    async with hub_inside(workspace) as hub:
        judged = await one_judged_by(hub, "ann", "bob")
        task = judged["ann"].task_id
        for who in (person("cy"), person("bob")):
            if who.annotator == "bob":
                back = Event(new_event_id(), "retract", task)
                await ask(hub, who, Submit([back]), Submitted)
            with pytest.raises(Denied, match="once you have given your own"):
                await ask(hub, who, Votes(task), VotesAnswer)
        again = msgspec.structs.replace(judged["bob"], event_id=new_event_id())
        await ask(hub, person("bob"), Submit([again]), Submitted)
        (seen,) = (await ask(hub, person("bob"), Votes(task), VotesAnswer)).events
        assert (seen.annotator, seen.event_id) == ("ann", judged["ann"].event_id)
        assert (seen.selection, seen.acting_uid, seen.client) == ("", -1, "")
        for role in ("reviewer", "owner"):
            votes = await ask(hub, person("eve", role), Votes(task), VotesAnswer)  # type: ignore[arg-type]
            assert [event.annotator for event in votes.events] == ["ann", "bob"]
        with pytest.raises(InputError, match="no task"):
            await ask(hub, person("ann"), Votes("t-none"), VotesAnswer)


@pytest.mark.parametrize("overlap", [1, 3])
async def test_votes_do_not_tell_known_answers(workspace: Workspace, overlap: int) -> None:
    """Everybody judges those: more votes than were wanted would tell."""
    set_label(workspace, overlap=overlap)
    async with hub_inside(workspace) as hub:
        await ask(hub, person("owner", "owner"), tasks(1, gold=True), Ingested)
        for name in ("ann", "bob", "cem", "dua"):
            (item,) = (await ask(hub, person(name), Lease(kind="rank"), Leased)).items
            await ask(hub, person(name), Submit([judgement(item)]), Submitted)
        task = item.task.task_id
        seen = (await ask(hub, person("dua"), Votes(task), VotesAnswer)).events
        assert [event.annotator for event in seen] == ["ann", "bob"][: overlap - 1]
        all_of_them = await ask(hub, person("eve", "reviewer"), Votes(task), VotesAnswer)
        assert len(all_of_them.events) == 4


async def test_a_repeat_has_the_votes_of_what_it_repeats(workspace: Workspace) -> None:
    async with hub_inside(workspace) as hub:
        judged = await one_judged_by(hub, "ann", "bob")
        original = hub.recent_tasks[judged["ann"].task_id]
        again = repeat_task(original, "ann")
        await take_in(hub, tasks=[again])
        with pytest.raises(Denied, match="once you have given your own"):
            await ask(hub, person("ann"), Votes(again.task_id), VotesAnswer)
        event = msgspec.structs.replace(
            judged["ann"], event_id=new_event_id(), task_id=again.task_id
        )
        await ask(hub, person("ann"), Submit([event]), Submitted)
        (seen,) = (await ask(hub, person("ann"), Votes(again.task_id), VotesAnswer)).events
        assert (seen.annotator, seen.task_id) == ("bob", again.task_id)


async def test_nobody_is_told_why_an_item_was_handed_out(workspace: Workspace) -> None:
    async with hub_inside(workspace) as hub:
        owner = person("owner", "owner")
        batch = tasks(1, overlap=3, completions=2)
        event = Event(
            "e-1",
            "judge",
            batch.tasks[0].task_id,
            "ann",
            shown=batch.tasks[0].completion_ids,
            tiers=[1, 2],
            selection="control",
        )
        batch.events.append(event)
        await ask(hub, owner, batch, Ingested)
        ann = person("ann")
        told = [
            *(e.event for e in (await ask(hub, ann, History(), HistoryAnswer)).entries),
            *(await ask(hub, ann, Trail(kind="rank"), TrailAnswer)).events,
            (await ask(hub, ann, GetItem(event.task_id), ItemAnswer)).item.event,
            *(await ask(hub, owner, Votes(event.task_id), VotesAnswer)).events,
        ]
        assert [e and (e.event_id, e.selection) for e in told] == [("e-1", "")] * 4
        with hub.store.reading() as con:
            kept = con.execute("SELECT selection FROM events").fetchall()
        assert kept == [("control",)]
