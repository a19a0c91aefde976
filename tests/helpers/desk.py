"""A person at a labelling screen in a real terminal: what they see, and what their keys did."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from helpers.cli import Cli
from helpers.terminals import LOOK_S, PATIENCE_S, Pane, Terminals
from helpers.waiting import wait_until
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import GetItem, ItemAnswer, PromptPage, ReadPrompts
from rlhf_tui.records import plain, task_id
from rlhf_tui.workspace import Workspace

NOTHING = 6
"""The exit code of an export without rows."""


class Desk:
    """One labelling program in one terminal."""

    def __init__(
        self,
        terminals: Terminals,
        workspace: Workspace,
        *options: str,
        size: tuple[int, int] = (120, 40),
    ) -> None:
        self.pane: Pane = terminals.open(workspace.root, "label", *options, size=size)

    @classmethod
    def at_home(cls, terminals: Terminals, workspace: Workspace) -> Desk:
        """The program from its home screen on."""
        desk = cls.__new__(cls)
        desk.pane = terminals.open(workspace.root, size=(120, 40))
        return desk

    def sees(self, pattern: str) -> str:
        """Wait until the screen holds this; the screen then."""
        return self.pane.shows(pattern)

    def at(self, prompt: str) -> str:
        """Wait until the item of this prompt is the one to judge; the screen then."""
        return self.pane.shows(rf"(?m)^\W*{re.escape(prompt)}$|^\W*{re.escape(prompt)}\s")

    def press(self, *keys: str) -> None:
        self.pane.press(*keys)

    def write(self, text: str) -> None:
        self.pane.write(text)

    def judge(self, prompt: str, *keys: str) -> None:
        """Wait for the item, press these keys, and Enter."""
        self.at(prompt)
        self.press(*keys, "Enter")

    def place_of(self, texts: Sequence[str]) -> list[int]:
        """In which pane each of these texts stands, counted from 1; waits until all are there."""
        found: list[tuple[int, int]] = []

        def all_there() -> bool:
            lines = self.pane.screen.splitlines()
            found[:] = [
                (row, line.index(text))
                for text in texts
                for row, line in enumerate(lines)
                if text in line
            ]
            return len(found) == len(texts)

        wait_until(all_there, PATIENCE_S, f"{texts} are on the screen", LOOK_S)
        return [sorted(found).index(place) + 1 for place in found]

    def leave(self) -> None:
        """To the end of the program, room by room."""

        def left() -> bool:
            if not self.pane.dead:
                self.pane.press("q")
            return self.pane.dead

        wait_until(left, PATIENCE_S, "the program ends", poll=1.0)


def ranking_of(workspace: Workspace, prompt: str) -> str:
    """The id of the ranking of all completions of a prompt."""
    with HubClient(workspace) as hub:
        page = hub.call(ReadPrompts(limit=1000), PromptPage)
    [wanted] = [one for one in page.prompts if plain(one.prompt) == prompt]
    ids = [one.completion_id for one in page.completions if one.prompt_id == wanted.prompt_id]
    return task_id("rank", ids)


def wait_for_draft(workspace: Workspace, task: str, keys: str) -> None:
    """Wait until the hub holds these keys as the draft of an item."""

    def kept() -> bool:
        with HubClient(workspace) as hub:
            draft = hub.call(GetItem(task_id=task), ItemAnswer).item.draft
        return draft is not None and draft.get("keys") == keys

    wait_until(kept, PATIENCE_S, f"the draft {keys} is kept", LOOK_S)


def bring_in(cli: Cli, items: Mapping[str, Sequence[str]]) -> None:
    """Import prompts with these completions."""
    path = cli.cwd.parent / "items.jsonl"
    rows = [{"prompt": prompt, "completions": list(texts)} for prompt, texts in items.items()]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    cli("import", path).ok()


def exported(cli: Cli, kind: str, *options: str) -> list[dict[str, Any]]:
    """The rows of an export; none when it said that there is nothing."""
    path: Path = cli.cwd.parent / f"{kind}.jsonl"
    path.unlink(missing_ok=True)
    done = cli("export", kind, path, *options)
    if done.code == NOTHING:
        return []
    done.ok()
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
