"""What people disagree on, how it is settled, and known answers."""

from __future__ import annotations

import pytest
from helpers.inside import ask, hub_inside, person
from helpers.judging import EVE, IDS, OWNER, ranking, submit, thumb, world

from rlhf_tui.dataset.build import building
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.errors import Denied, InputError
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.messages import (
    AccessRole,
    Dispute,
    Disputed,
    DisputedAnswer,
    Done,
    GetItem,
    Ingested,
    ItemAnswer,
    MarkGold,
    Submit,
)
from rlhf_tui.records import Event, new_event_id
from rlhf_tui.store.read import tasks_by_id
from rlhf_tui.workspace import Workspace


async def disputed(hub: Hub, **options: object) -> DisputedAnswer:
    request = Disputed(**options)  # type: ignore[arg-type]
    return await ask(hub, EVE, request, DisputedAnswer)


def tasks_of(answer: DisputedAnswer) -> list[str]:
    return [dispute.item.task.task_id for dispute in answer.disputes]


async def test_the_least_agreed_come_first_with_their_votes(workspace: Workspace) -> None:
    async with hub_inside(workspace) as hub:
        await ask(hub, OWNER, world(), Ingested)
        await submit(hub, "ann", ranking("r0", [1, 2, 3]), ranking("r1", [1, 2, 3]))
        await submit(hub, "bob", ranking("r0", [3, 2, 1]), ranking("r1", [2, 1, 3]))
        # All alike, a tie against an order, unsure, unranked, all bad: nothing to settle.
        await submit(hub, "ann", ranking("r2", [1, 2, 2]), thumb(True))
        await submit(hub, "bob", ranking("r2", [1, 1, 1], critique="a tie"), thumb(True))
        await submit(hub, "cy", ranking("r2", [3, 2, 1], unsure=True))
        await submit(hub, "dee", ranking("r2", [None, 1, None]))
        await submit(hub, "eli", ranking("r2", [], both_bad=True))
        await submit(hub, "ann", ranking("r3", [1, 2, 3]))
        found = await disputed(hub)
        assert (tasks_of(found), found.total) == (["r0", "r1"], 2)
        assert [d.agreement for d in found.disputes] == pytest.approx([0, 2 / 3])
        first = found.disputes[0]
        assert {vote.annotator: vote.tiers for vote in first.votes} == {
            "ann": [1, 2, 3],
            "bob": [3, 2, 1],
        }
        assert sorted(c.completion for c in first.item.completions) == [
            f" text {name}0" for name in IDS
        ]
        assert first.settled is None

        # Of three people 1 of 3 pairs of thumbs agrees.
        await submit(hub, "bob", thumb(False))
        await submit(hub, "cy", thumb(False))
        thumbs = await disputed(hub, kind="thumbs")
        assert [(d.item.task.task_id, d.agreement) for d in thumbs.disputes] == [
            ("h0", pytest.approx(1 / 3))
        ]
        assert tasks_of(await disputed(hub)) == ["r0", "h0", "r1"]
        assert tasks_of(await disputed(hub, kind="rank", limit=1)) == ["r0"]
        second = await disputed(hub, limit=1, offset=2)
        assert (tasks_of(second), second.total) == (["r1"], 3)
        beyond = await disputed(hub, offset=7)
        assert (beyond.disputes, beyond.total) == ([], 3)
        alone = await disputed(hub, task_id="r2")
        assert [(d.agreement, len(d.votes)) for d in alone.disputes] == [(1.0, 5)]
        with pytest.raises(InputError, match="no task"):
            await disputed(hub, task_id="r9")


async def test_a_settled_item_counts_as_it_was_settled_until_it_is_reopened(
    workspace: Workspace,
) -> None:
    def pairs(hub: Hub) -> list[tuple[str, str, str]]:
        with hub.store.reading() as con:
            return con.execute(
                "SELECT annotator, chosen_id, rejected_id FROM pairs ORDER BY ALL"
            ).fetchall()

    async with hub_inside(workspace) as hub:
        await ask(hub, OWNER, world(), Ingested)
        await submit(hub, "ann", ranking("r0", [1, 2, None]), thumb(True))
        await submit(hub, "bob", ranking("r0", [2, 1, None]), thumb(False))
        votes = [("ann", "ca0", "cb0"), ("bob", "cb0", "ca0")]
        assert pairs(hub) == votes
        settling = ranking("r0", [2, 1, 3], "adjudicate", critique="b is right")
        assert await submit(hub, EVE, settling, settling) == ["stored", "duplicate"]
        decided = [("eve", "ca0", "cc0"), ("eve", "cb0", "ca0"), ("eve", "cb0", "cc0")]
        assert pairs(hub) == decided
        with building(hub.store, DatasetSpec("preference", splits=["train"])) as build:
            assert build.total == 3
        assert tasks_of(await disputed(hub)) == ["h0"]
        await submit(hub, OWNER, thumb(False, "adjudicate"))
        newest = await disputed(hub, settled=True)
        assert (tasks_of(newest), newest.total) == (["h0", "r0"], 2)
        settled: Dispute = newest.disputes[1]
        assert settled.settled is not None
        assert (settled.settled.annotator, settled.settled.critique) == ("eve", "b is right")
        assert (len(settled.votes), settled.agreement) == (2, 0)
        assert (await disputed(hub, task_id="r0")).disputes[0].settled == settled.settled

        # Settled anew, then opened again: the last counts.
        await submit(hub, EVE, ranking("r0", [1, None, 2], "adjudicate"))
        assert pairs(hub) == [("eve", "ca0", "cc0")]
        await submit(hub, OWNER, Event(new_event_id(), "reopen", "r0"))
        assert pairs(hub) == votes
        assert tasks_of(await disputed(hub)) == ["r0"]
        # The voters' own judgements stood all the while.
        own = await ask(hub, person("ann"), GetItem("r0"), ItemAnswer)
        assert own.item.event is not None
        assert own.item.event.tiers == [1, 2, None]


async def test_only_reviewers_and_the_owner_review(workspace: Workspace) -> None:
    refused = [
        Disputed(),
        MarkGold("r0", {"ca0": 1, "cb0": 2}),
        Submit([ranking("r0", [1, 2, 3], "adjudicate")]),
        Submit([Event(new_event_id(), "reopen", "r0")]),
    ]
    async with hub_inside(workspace) as hub:
        await ask(hub, OWNER, world(), Ingested)
        for request in refused:
            with pytest.raises(Denied, match="reviewer"):
                await ask(hub, person("ann"), request, Done)
        with hub.store.reading() as con:
            assert con.execute("SELECT count(*) FROM events").fetchall() == [(0,)]
        roles: list[AccessRole] = ["reviewer", "owner"]
        for role in roles:
            who = person(f"the {role}", role)
            assert (await ask(hub, who, Disputed(), DisputedAnswer)).total == 0
            assert await submit(hub, who, ranking("r0", [1, 2, 3], "adjudicate")) == ["stored"]


BAD_GOLD: dict[str, tuple[str, dict[str, int]]] = {
    "names a completion that is not its": ("r0", {"ca0": 1, "ca1": 2}),
    "from 1 \\(best\\) to 9": ("r0", {"ca0": 0, "cb0": 2}),
    "two tiers at least": ("r0", {"ca0": 1, "cb0": 1}),
    "1 for good or 2 for bad": ("h0", {"ca0": 3}),
    "no task": ("r9", {"ca0": 1}),
}


async def test_known_answers_are_given_and_taken_away(workspace: Workspace) -> None:
    def gold(hub: Hub, task: str) -> object:
        return tasks_by_id(hub.store, [task])[task].gold

    async with hub_inside(workspace) as hub:
        await ask(hub, OWNER, world(), Ingested)
        for task, tiers in (("r0", {"ca0": 1, "cb0": 2}), ("h0", {"ca0": 2})):
            await ask(hub, EVE, MarkGold(task, tiers), Done)
            assert gold(hub, task) == tiers
            assert hub.scheduler.tasks[task].group == "gold"
        for reason, (task, tiers) in BAD_GOLD.items():
            with pytest.raises(InputError, match=reason):
                await ask(hub, EVE, MarkGold(task, tiers), Done)
        assert gold(hub, "r1") is None
        await submit(hub, "ann", ranking("r0", [1, 2, 3]))
        for wanted, rows in ((False, 0), (True, 3)):
            spec = DatasetSpec("preference", splits=["train"], gold=wanted)
            with building(hub.store, spec) as build:
                assert build.total == rows
        await ask(hub, EVE, MarkGold("h0"), Done)
        assert gold(hub, "h0") is None
        assert hub.scheduler.tasks["h0"].group == "usual"
    async with hub_inside(workspace) as hub:
        assert gold(hub, "r0") == {"ca0": 1, "cb0": 2}
        assert hub.scheduler.tasks["r0"].group == "gold"
        assert gold(hub, "h0") is None
        assert [task.completion_ids for task in tasks_by_id(hub.store, ["r0"]).values()] == [
            [f"{name}0" for name in IDS]
        ]
