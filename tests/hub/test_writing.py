"""What annotators write while judging: kept, shown to them again, learned from; and its bounds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
import pytest
from helpers.hubs import HubProcess, ingest
from helpers.inside import ask, hub_inside, person
from helpers.judging import EVE, OWNER, edit, ranking, submit, world, writing

from rlhf_tui.dataset.build import building
from rlhf_tui.dataset.spec import DatasetSpec
from rlhf_tui.errors import InputError
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.messages import (
    Done,
    GetItem,
    Ingested,
    ItemAnswer,
    MarkGold,
    SaveDraft,
    Submit,
    Submitted,
)
from rlhf_tui.records import (
    Completion,
    Event,
    Message,
    Written,
    imported_completion_id,
    new_event_id,
)
from rlhf_tui.store.read import prompts_page
from rlhf_tui.workspace import Workspace


def sft(hub: Hub) -> list[tuple[str, str]]:
    """The (completion, origin) rows that SFT learns from."""
    spec = DatasetSpec("prompt-completion", splits=["train"])
    with tempfile.TemporaryDirectory() as place, building(hub.store, spec) as build:
        path = Path(place) / "sft.jsonl"
        build.write(path, "jsonl")
        rows = [msgspec.json.decode(line) for line in path.read_bytes().splitlines()]
    return sorted((row["completion"], row["origin"]) for row in rows)


async def test_what_is_written_teaches_for_as_long_as_its_judgement_stands(
    workspace: Workspace,
) -> None:
    async with hub_inside(workspace) as hub:
        await ask(hub, OWNER, world(), Ingested)
        better, new = writing(), writing("From nothing.", None)
        event = edit(better, new, tiers=[3, 4, None, 2, 1])
        assert await submit(hub, "ann", event) == ["stored"]
        assert sft(hub) == [("Better.", "edit"), ("From nothing.", "human")]
        with hub.store.reading() as con:
            pairs = con.execute("SELECT chosen_id, rejected_id FROM pairs").fetchall()
        assert (better.completion_id, "ca0") in pairs
        assert (new.completion_id, better.completion_id) in pairs
        assert len(pairs) == 6
        _, completions, _ = prompts_page(hub.store)
        stored = {c.completion_id: c for c in completions}[better.completion_id]
        assert (stored.origin, stored.parent, stored.completion) == ("edit", "ca0", "Better.")

        # Shown to who wrote it, and to nobody else, with nothing of its origin.
        own = (await ask(hub, person("ann"), GetItem("r0"), ItemAnswer)).item
        assert sorted(own.task.completion_ids) == ["ca0", "cb0", "cc0"]
        assert own.completions[3:] == [
            Completion(better.completion_id, "p0", "Better."),
            Completion(new.completion_id, "p0", "From nothing."),
        ]
        other = (await ask(hub, person("bob"), GetItem("r0"), ItemAnswer)).item
        assert len(other.completions) == 3

        # The same text by someone else is the same completion; a revision drops what it leaves out.
        await submit(hub, "bob", edit(better, tiers=[2, None, None, 1]))
        revised = edit(new, tiers=[2, 3, None, 1], kind="revise", supersedes=event.event_id)
        await submit(hub, "ann", revised)
        assert sft(hub) == [("Better.", "edit"), ("From nothing.", "human")]
        await submit(hub, "bob", Event(new_event_id(), "retract", "r0"))
        assert sft(hub) == [("From nothing.", "human")]
        # An adjudication settles the order; what people wrote still stands, and so does its own.
        await submit(hub, EVE, edit(better, tiers=[2, None, None, 1], kind="adjudicate"))
        assert sft(hub) == [("Better.", "edit"), ("From nothing.", "human")]


async def test_a_draft_brings_its_writing_back(workspace: Workspace) -> None:
    async with hub_inside(workspace) as hub:
        await ask(hub, OWNER, world(), Ingested)
        ann, said = person("ann"), [Message("assistant", "By hand.")]
        wrote = Written(imported_completion_id("p0", said, "human", ""), said)
        bodies: list[tuple[object, int]] = [
            ([msgspec.to_builtins(wrote)], 4),
            ("nonsense", 3),
            ([{"text": 7}], 3),
        ]
        for body, count in bodies:
            await ask(hub, ann, SaveDraft("r0", {"written": body}), Done)
            item = (await ask(hub, ann, GetItem("r0"), ItemAnswer)).item
            assert len(item.completions) == count
            assert (
                item.completions[3:] == [Completion(wrote.completion_id, "p0", said)][: count - 3]
            )


OTHER = writing("Another.")
WRONG: dict[str, Event] = {
    "an id is not that of the text": edit(Written("c-forged", "x", "ca0"), tiers=[2, 3, 4, 1]),
    "an id is not that": edit(writing(prompt="p1"), tiers=[2, 3, 4, 1]),
    "edits a completion that is not of this": edit(writing(parent="ca1"), tiers=[2, 3, 4, 1]),
    "is there already": edit(OTHER, OTHER, tiers=[2, 3, 4, 1, 1]),
    "a text written is empty": edit(writing(" \n"), tiers=[2, 3, 4, 1]),
    "a text written has more than": edit(writing("x" * 1_000_001), tiers=[2, 3, 4, 1]),
    "not among those shown": msgspec.structs.replace(ranking("r0", [1, 2, 3]), written=[writing()]),
    "ranked no better": edit(writing(), tiers=[1, 2, 3, 1]),
    "more than 9 texts": edit(*(writing(f"text {n}") for n in range(10)), tiers=[None] * 13),
    "only judgements hold": edit(writing(), tiers=[2, 3, 4, 1], kind="skip"),
    "tiers go from 1 .best. to 10": edit(writing(), tiers=[2, 3, 11, 1]),
    "rates what was not shown": ranking("r0", [1, 2, 3], aspects={"cz": {"helpful": 1}}),
    "points go from 1": ranking("r0", [1, 2, 3], aspects={"ca0": {"helpful": 10}}),
    "names of aspects": ranking("r0", [1, 2, 3], aspects={"ca0": {"": 1}}),
    "more than 50 aspects": ranking(
        "r0", [1, 2, 3], aspects={"ca0": {f"a{n}": 1 for n in range(51)}}
    ),
    "names of tags": ranking("r0", [1, 2, 3], tags=["x" * 65]),
    "more than 50 tags": ranking("r0", [1, 2, 3], tags=["x"] * 51),
    "an id is too long": ranking("r0", [1, 2, 3], guidelines="x" * 129),
}


@pytest.mark.parametrize("reason", WRONG)
async def test_writing_and_marks_that_cannot_be_are_refused(
    workspace: Workspace, reason: str
) -> None:
    async with hub_inside(workspace) as hub:
        await ask(hub, OWNER, world(), Ingested)
        with pytest.raises(InputError, match=reason):
            await submit(hub, "ann", WRONG[reason])
        with hub.store.reading() as con:
            assert con.execute("SELECT count(*) FROM events").fetchall() == [(0,)]
            assert con.execute("SELECT count(*) FROM completions").fetchall() == [(12,)]


async def test_an_edit_of_an_edit_and_one_that_is_not_ranked_are_possible(
    workspace: Workspace,
) -> None:
    async with hub_inside(workspace) as hub:
        await ask(hub, OWNER, world(), Ingested)
        first = writing()
        second = writing("Best.", first.completion_id)
        chain = edit(first, second, tiers=[None, 3, None, 2, 1], aspects={"ca0": {"honest": 5}})
        assert await submit(hub, "ann", chain) == ["stored"]
        lone = edit(writing("Unranked."), tiers=[1, 2, 3, None])
        assert await submit(hub, "bob", lone) == ["stored"]


def test_known_answers_and_writing_outlive_the_hub(hub: HubProcess, workspace: Workspace) -> None:
    """Through the socket, and over an end without warning."""
    ingest(workspace, world())
    event = edit(writing(), tiers=[2, 3, None, 1])
    with HubClient(workspace, as_name="ann") as ann:
        ann.call(MarkGold("r1", {"ca1": 1, "cb1": 2}), Done)
        ann.call(Submit([event]), Submitted)
        hub.kill()
        item = ann.call(GetItem("r0"), ItemAnswer).item
        assert [c.completion for c in item.completions][3:] == ["Better."]
        assert item.event is not None
        assert item.event.written == event.written
        again = ann.call(Submit([event]), Submitted).results[0]
        assert again.outcome == "duplicate"
