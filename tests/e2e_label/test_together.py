"""Two people at once, each item for both: who gets what, how they agree, and who settles it."""

from __future__ import annotations

import re
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from helpers import Cli
from helpers.desk import Desk, bring_in, exported
from helpers.terminals import Terminals

from rlhf_tui.workspace import Workspace, init_workspace

ITEMS = 10
AGAINST = (3, 7)
"""Films of which Ben says the opposite."""
WORDS = ("good", "middling", "bad")
"""From best to worst, for Anna."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Nothing is held out, and each item is for two."""
    settings = {"workspace": {"validation": 0.0, "test": 0.0}, "label": {"overlap": 2}}
    return init_workspace(tmp_path / "w", settings=settings)


END = "All is ranked|Nothing is open for you now"
"""Who is ready first has nothing to do while the other one goes on."""


def film(number: int) -> str:
    return f"Film number {number} is"


def work_through(desk: Desk, *, against: tuple[int, ...]) -> list[int]:
    """Judge by what is read on the screen until nothing is left; the films in their order."""
    seen: list[int] = []
    while True:
        # The one that was just judged may linger on the screen; it may not come again.
        last = rf"(?!{seen[-1]} is)" if seen else ""
        screen = desk.sees(rf"Film number {last}\d+ is|{END}")
        if re.search(END, screen):
            return seen
        number = next(n for n in range(ITEMS) if film(n) in screen)
        seen.append(number)
        wanted = WORDS[::-1] if number in against else WORDS
        panes = desk.place_of([f" {word} {number}." for word in wanted])
        desk.press(*map(str, panes), "Enter")


def test_two_people_get_each_item_once_and_disagree_where_they_do(
    cli: Cli, workspace: Workspace, screens: Terminals
) -> None:
    bring_in(cli, {film(n): [f" {word} {n}." for word in WORDS] for n in range(ITEMS)})
    desks = {name: Desk(screens, workspace, "--as", name) for name in ("Anna", "Ben")}
    with ThreadPoolExecutor(2) as pool:
        jobs = {
            name: pool.submit(work_through, desk, against=AGAINST if name == "Ben" else ())
            for name, desk in desks.items()
        }
        for name, job in jobs.items():
            assert sorted(job.result()) == list(range(ITEMS)), name
    for desk in desks.values():
        desk.leave()

    rows = exported(cli, "rankings")
    given = Counter((row["annotator"], row["prompt_text"]) for row in rows)
    assert given == {(name, film(n)): 1 for name in desks for n in range(ITEMS)}
    assert not any(row["surplus"] for row in rows)
    for row in rows:
        text_of = {one["completion_id"]: one["text"] for one in row["completions"]}
        order = [text_of[one].split()[0] for one in row["shown"]]
        number = int(row["prompt_text"].split()[2])
        opposite = row["annotator"] == "Ben" and number in AGAINST
        wanted = WORDS[::-1] if opposite else WORDS
        assert [order[row["tiers"].index(tier)] for tier in (1, 2, 3)] == list(wanted)

    stats = cli("stats", "--json").ok().json
    raw = next(one for one in stats["agreement"] if one["name"] == "raw agreement")
    assert raw["cases"] == 3 * ITEMS
    assert raw["value"] == (ITEMS - len(AGAINST)) / ITEMS
    told = {one["annotator"]: one["judgements"] for one in stats["annotators"]}
    assert told == {"Anna": ITEMS, "Ben": ITEMS}
    assert stats.get("remaining", 0) == 0

    settle(screens, workspace)
    [settled] = [row for row in exported(cli, "rankings") if row["kind"] == "adjudicate"]
    pairs = exported(cli, "preference", "--aggregate", "unanimous")
    counts = Counter(row["prompt"] for row in pairs)
    [open_one] = {film(n) for n in AGAINST} - {settled["prompt_text"]}
    assert counts == {film(n): 3 for n in range(ITEMS) if film(n) != open_one}
    as_settled = [row for row in pairs if row["prompt"] == settled["prompt_text"]]
    assert Counter(row["chosen"].split()[0] for row in as_settled) == {"middling": 2, "good": 1}


def settle(screens: Terminals, workspace: Workspace) -> None:
    """The owner settles one of the two items, from the home screen on."""
    desk = Desk.at_home(screens, workspace)
    desk.sees("prompts")
    desk.press("a")
    screen = desk.sees("0% agree")
    assert "Anna: " in screen and "Ben: " in screen
    number = next(n for n in AGAINST if film(n) in screen)
    panes = desk.place_of([f" {word} {number}." for word in ("middling", "good", "bad")])
    desk.press(*map(str, panes), "Enter")
    [other] = set(AGAINST) - {number}
    desk.at(film(other))
    desk.sees("1 settled")
    desk.sees(r"(?m)^ Review.*\S saved *$")
    desk.leave()
