"""An hour of labelling, compressed: one person, four programs, two kills, and what is stored.

Every stage judges items of its own and notes what it said of them; the exports must tell the same.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from helpers import Cli, wait_until
from helpers.desk import Desk, bring_in, exported, ranking_of, wait_for_draft
from helpers.hubs import no_hub
from helpers.terminals import LOOK_S, PATIENCE_S, Terminals

from rlhf_tui.workspace import Workspace

FILMS, PAIRS = 19, 6
WORDS = ("good", "bad", "middling", "odd")
EDITED, WRITTEN = " In short: see it.", " A film of its own kind."
SAVED = r"(?m)^ Ranking.*\S saved *$"
SAVED_LOCALLY = r"(?m)^ Ranking.*\S saved locally *$"
QUIET = ("lease", "release")
"""Kinds of events that say nothing of an item."""


def film(number: int) -> str:
    return f"Film number {number} is"


def pair(number: int) -> str:
    return f"Pair number {number} is"


@dataclass
class Hour:
    """Where it happens, and what was done so far."""

    cli: Cli
    workspace: Workspace
    screens: Terminals
    tiers: dict[str, list[int | None]] = field(default_factory=dict)
    """Prompt → the tiers of its current judgement, pane by pane."""
    steps: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(prompt, kind of event) → how often."""
    order: dict[str, list[str]] = field(default_factory=dict)
    """Prompt → the texts in the order of the panes, as they were read on the screen."""

    def desk(self) -> Desk:
        return Desk(self.screens, self.workspace)

    def did(self, prompt: str, tiers: list[int | None] | None = None, kind: str = "judge") -> None:
        self.steps[prompt, kind] += 1
        if tiers is not None:
            self.tiers[prompt] = tiers

    def read(self, desk: Desk, prompt: str, words: tuple[str, ...] = WORDS) -> None:
        desk.at(prompt)
        texts = [f"{word} {prompt.split()[-2]}." for word in words]
        places = desk.place_of([f" {text}" for text in texts])
        self.order[prompt] = [texts[places.index(pane + 1)] for pane in range(len(texts))]


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An editor that adds to a text, or writes one where there is none."""
    program = tmp_path / "editor"
    program.write_text(
        f"""#!/bin/sh
if [ -s "$1" ]; then printf '{EDITED}' >> "$1"; else printf '{WRITTEN}' > "$1"; fi
"""
    )
    program.chmod(0o755)
    monkeypatch.setenv("VISUAL", str(program))


@pytest.fixture
def hour(editor: None, cli: Cli, workspace: Workspace, screens: Terminals) -> Hour:
    """Films with four completions, then pairs. Terminals come last: they know the editor."""
    films = {film(n): [f" {word} {n}." for word in WORDS] for n in range(FILMS)}
    pairs = {pair(n): [f" {word} {n}." for word in WORDS[:2]] for n in range(PAIRS)}
    bring_in(cli, films | pairs)
    return Hour(cli, workspace, screens)


@pytest.mark.timeout(600)
def test_an_hour(hour: Hour) -> None:
    desk = hour.desk()
    orders_and_doubts(hour, desk)
    saying_more(hour, desk)
    texts_of_ones_own(hour, desk)
    back_and_forth(hour, desk)
    killed_half_way(hour, desk)
    by_lines_in_between(hour)
    desk = hour.desk()
    begun_by_lines(hour, desk)
    without_a_hub(hour, desk)
    desk.leave()
    desk = hour.desk()
    looking_back(hour, desk)
    pairs_fast(hour, desk)
    what_was_skipped(hour, desk)
    desk.leave()
    rankings_tell_it(hour)
    preferences_tell_it(hour)
    demonstrations_tell_it(hour)


# --- the stages -----------------------------------------------------------------------------------


def orders_and_doubts(hour: Hour, desk: Desk) -> None:
    """A full order, ties, a partial order, all bad, unsure."""
    hour.read(desk, film(0))
    for number, keys, tiers in (
        (0, "213", [2, 1, 3, 4]),
        (1, "1=23=", [1, 1, 2, 2]),
        (2, "42", [None, 2, None, 1]),
        (3, "b", [None] * 4),
        (4, "x", [None] * 4),
    ):
        desk.judge(film(number), *keys)
        hour.did(film(number), tiers)


def saying_more(hour: Hour, desk: Desk) -> None:
    """Thumbs, aspects, a critique, tags, a flag, a skip with a reason."""
    desk.judge(film(5), "1", "2", "3", "y", "n")
    hour.did(film(5), [1, 2, 3, 4])

    desk.at(film(6))
    desk.press("a")
    desk.sees("Aspects: 1 is worst, 5 is best")
    desk.press("5", "4", "3", "2", "Enter")
    desk.sees("with aspects 4/12")
    desk.press("c")
    desk.sees("(?m)^ Critique")
    desk.write("Too long; says 'good' twice.")
    desk.press("Enter")
    desk.sees("aspects 4/12, critique")
    desk.press("t")
    desk.sees(r"1  \[ \] short")
    desk.press("2", "o")
    desk.sees("A tag of your own")
    desk.write("mine")
    desk.press("Enter")
    desk.sees(r"\[x\] mine")
    desk.press("Enter")
    desk.sees("critique, 2 tags")
    desk.press("!")
    desk.sees("Flag this item")
    desk.press("1")
    desk.sees("Flagged: unsafe")
    hour.did(film(6), kind="flag")
    desk.judge(film(6), "3", "1", "2")
    hour.did(film(6), [2, 3, 1, 4])

    desk.at(film(7))
    desk.press("z")
    desk.sees("Skip this item")
    desk.press("2")
    desk.sees(r"Skipped \(not my field\)")
    hour.did(film(7), kind="skip")


def texts_of_ones_own(hour: Hour, desk: Desk) -> None:
    """An edit of the best one so far, and an answer from nothing, in the person's editor."""
    hour.read(desk, film(8))
    desk.press("2", "1", "e")
    desk.sees("Your edit is 5")
    desk.sees(EDITED)
    desk.press("Enter")
    hour.did(film(8), [3, 2, None, None, 1])
    desk.at(film(9))
    desk.press("w")
    desk.sees("Your answer is 5")
    desk.sees(WRITTEN)
    desk.press("3", "Enter")
    hour.did(film(9), [None, None, 2, None, 1])


def back_and_forth(hour: Hour, desk: Desk) -> None:
    """Three judgements taken back, key by key; two of them done again, one skipped instead."""
    for number, keys, tiers in (
        (10, "123", [1, 2, 3, 4]),
        (11, "213", [2, 1, 3, 4]),
        (12, "312", [2, 3, 1, 4]),
    ):
        desk.judge(film(number), *keys)
        hour.did(film(number), tiers)
    desk.at(film(13))
    for number in (12, 11, 10):
        desk.press("u")
        desk.at(film(number))
        desk.sees("Taken back")
        if number != 10:
            desk.press("u", "u", "u")
            desk.sees("Pick at least two")
        hour.did(film(number), kind="retract")
    desk.press("U")
    hour.did(film(10))
    desk.at(film(11))
    desk.press("U", "U", "U")
    desk.sees("2 . 1 . 3 . .4.")
    desk.press("U")
    hour.did(film(11))
    desk.at(film(12))
    desk.press("s")
    desk.sees("Skipped:")
    del hour.tiers[film(12)]
    hour.did(film(12), kind="skip")


def killed_half_way(hour: Hour, desk: Desk) -> None:
    """The same half-made ranking is there again."""
    desk.at(film(13))
    task = ranking_of(hour.workspace, film(13))
    desk.press("4", "y", "2")
    wait_for_draft(hour.workspace, task, "4y12")
    desk.pane.kill()
    again = hour.desk()
    again.at(film(13))
    again.sees("4 . 2")
    again.sees(r"\+ good")
    again.press("Enter")
    hour.did(film(13), [None, 2, None, 1])
    again.at(film(14))
    again.sees(SAVED)
    again.leave()


def by_lines_in_between(hour: Hour) -> None:
    """The same person in plain mode: an item judged, another one begun."""
    lines = ["2>1=3", "y3", "critique Begun by lines.", "quit"]
    done = hour.cli("label", "--plain", stdin="\n".join(lines)).ok()
    assert film(14) in done.out and film(15) in done.out
    assert "Saved: order 2, then" in done.out
    hour.did(film(14), [2, 1, 2, 3])


def begun_by_lines(hour: Hour, desk: Desk) -> None:
    desk.at(film(15))
    desk.sees("with critique")
    desk.sees(r"\+ good")
    desk.press("1", "3", "Enter")
    hour.did(film(15), [1, None, 2, None])


def without_a_hub(hour: Hour, desk: Desk) -> None:
    """The hub is killed and cannot come back at once: nobody has to stop for it."""
    desk.at(film(16))
    with no_hub(hour.workspace):
        desk.judge(film(16), "4", "3", "2")
        hour.did(film(16), [4, 3, 2, 1])
        desk.sees(SAVED_LOCALLY)
        desk.judge(film(17), "3", "2", "1")
        hour.did(film(17), [3, 2, 1, 4])
        desk.sees(SAVED_LOCALLY)
    desk.sees(SAVED)


def looking_back(hour: Hour, desk: Desk) -> None:
    """An item is found in the history and revised."""
    desk.judge(film(18), "1", "2")
    hour.did(film(18), [1, 2, None, None])
    desk.at(pair(0))
    desk.press("h")
    desk.sees("(?m)^ History")
    desk.press("/")
    desk.sees("(?m)^.*Search")
    desk.write("number 2 is")
    desk.press("Enter")
    desk.sees("with 'number 2 is'")
    desk.sees(rf"{film(2)}\s")
    desk.press("Enter")
    desk.sees("As you judged it")
    desk.press("u", "u", "1", "2", "3", "Enter")
    desk.sees("after 1 revision")
    hour.did(film(2), [1, 2, 3, 4], kind="revise")
    desk.press("q")


def pairs_fast(hour: Hour, desk: Desk) -> None:
    """A strength, then one key a pair, and one of them corrected."""
    desk.judge(pair(0), "2", ">", ">", ">")
    hour.did(pair(0), [2, 1])
    desk.at(pair(1))
    desk.press("F")
    desk.sees("fast: 1 2")
    for number, key, tiers in (
        (1, "1", [1, 2]),
        (2, "=", [1, 1]),
        (3, "b", [None, None]),
        (4, "x", [None, None]),
        (5, "2", [2, 1]),
    ):
        desk.at(pair(number))
        desk.press(key)
        hour.did(pair(number), tiers)
    desk.sees("All is ranked")
    desk.press("u")
    desk.at(pair(5))
    hour.did(pair(5), kind="retract")
    desk.press("1")
    desk.sees("All is ranked")
    hour.did(pair(5), [1, 2])


def what_was_skipped(hour: Hour, desk: Desk) -> None:
    """Skipped items are taken up; one stays undecided."""
    desk.sees("take up the 2 you skipped")
    desk.press("S")
    screen = desk.sees(f"{film(7)}|{film(12)}")
    if film(12) in screen:
        desk.sees(r"You skipped it\.")
        desk.press("s")
        hour.did(film(12), kind="skip")
    else:
        desk.sees("You skipped it: not my field")
    desk.at(film(7))
    desk.press("4", "Enter")
    desk.sees("Pick one more")
    desk.press("1", "Enter")
    hour.did(film(7), [2, None, None, 1])
    wait_until(lambda: film(7) not in desk.pane.screen, PATIENCE_S, "it is gone", LOOK_S)
    desk.sees(SAVED)


# --- what the store says --------------------------------------------------------------------------


def rankings_tell_it(hour: Hour) -> None:
    rows = [row for row in exported(hour.cli, "rankings") if row["kind"] not in QUIET]
    assert len({row["event_id"] for row in rows}) == len(rows)
    assert Counter((row["prompt_text"], row["kind"]) for row in rows) == hour.steps
    assert not any(row["surplus"] for row in rows)
    last = {row["prompt_text"]: row for row in rows if row["kind"] in ("judge", "revise")}
    # The log holds what was undone; who reads it knows by the retraction after it.
    gone = {row["supersedes"] for row in rows if row["kind"] == "retract"}
    standing = {prompt: row for prompt, row in last.items() if row["event_id"] not in gone}
    told = {prompt: row["tiers"] or [None] * len(row["shown"]) for prompt, row in standing.items()}
    assert told == hour.tiers

    for prompt, texts in hour.order.items():
        row = standing[prompt]
        text_of = {one["completion_id"]: one["text"].strip() for one in row["completions"]}
        assert [text_of[one] for one in row["shown"][: len(texts)]] == texts, prompt
    bad, unsure = (Counter(p for p, r in standing.items() if r[w]) for w in ("both_bad", "unsure"))
    assert set(bad) == {film(3), pair(3)}
    assert set(unsure) == {film(4), pair(4)}
    assert {p: r["strength"] for p, r in standing.items() if r["strength"]} == {pair(0): 3}
    assert standing[film(5)]["thumbs"] == [True, False, None, None]
    assert standing[film(13)]["thumbs"] == [True, None, None, None]
    assert standing[film(15)]["thumbs"] == [None, None, True, None]
    assert standing[film(15)]["critique"] == "Begun by lines."
    more = standing[film(6)]
    first, second = more["shown"][:2]
    points = {first: {"helpful": 5, "harmless": 4, "honest": 3}, second: {"helpful": 2}}
    assert json.loads(more["aspects"]) == points
    assert more["critique"] == "Too long; says 'good' twice."
    assert more["tags"] == ["odd", "mine"]
    reasons = {(r["prompt_text"], r["kind"]): r["reason"] for r in rows if r["reason"]}
    assert reasons == {(film(6), "flag"): "unsafe", (film(7), "skip"): "not my field"}
    assert {row["client"] for row in rows if row["prompt_text"] == film(14)} == {"plain"}
    assert {row["client"] for row in rows if row["prompt_text"] != film(14)} == {"tui"}
    [edit] = standing[film(8)]["written"]
    assert edit["parent"] == standing[film(8)]["shown"][1]
    [answer] = standing[film(9)]["written"]
    assert (answer["text"], answer["parent"]) == (WRITTEN, None)


def preferences_tell_it(hour: Hour) -> None:
    rows = exported(hour.cli, "preference")
    counts = Counter(row["prompt"] for row in rows)
    by_hand = {
        **{film(n): 6 for n in (0, 2, 5, 6, 10, 11, 16, 17)},
        film(1): 4,
        film(8): 3,
        film(9): 1,
        film(14): 5,
        **{film(n): 1 for n in (7, 13, 15, 18)},
        **{pair(n): 1 for n in (0, 1, 5)},
    }
    assert counts == by_hand
    edited = [row for row in rows if row["prompt"] == film(8)]
    first, second = (f" {text}" for text in (hour.order[film(8)][1], hour.order[film(8)][0]))
    assert {(row["chosen"], row["rejected"]) for row in edited} == {
        (first + EDITED, first),
        (first + EDITED, second),
        (first, second),
    }
    [own] = [row for row in rows if row["prompt"] == film(9)]
    assert own["chosen"] == WRITTEN
    texts = hour.order[film(0)]
    best_to_worst = [f" {texts[pane]}" for pane in (1, 0, 2, 3)]
    told = {(row["chosen"], row["rejected"]) for row in rows if row["prompt"] == film(0)}
    assert told == {
        (better, worse)
        for place, better in enumerate(best_to_worst)
        for worse in best_to_worst[place + 1 :]
    }


def demonstrations_tell_it(hour: Hour) -> None:
    rows = exported(hour.cli, "prompt-completion")
    edited = f" {hour.order[film(8)][1]}{EDITED}"
    assert {(row["prompt"], row["completion"]) for row in rows} == {
        (film(8), edited),
        (film(9), WRITTEN),
    }
    assert len(rows) == 2
