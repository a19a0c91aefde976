"""A person who ranks in a terminal, and who remembers what the screen called saved."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from pathlib import Path

from helpers.terminals import LOOK_S, PATIENCE_S, Pane, Terminals
from helpers.waiting import wait_until

ITEM = re.compile(r"(?:Film|Story) number \d+ is")
THINK_S = 0.5
"""A person's pace, so that the items last as long as the test."""
SAVED = re.compile(r"\S (saved|saved locally) *$")


class Labeller:
    """Ranks whatever comes until told to stop; a program that was killed is opened again."""

    def __init__(self, terminals: Terminals, cwd: Path, name: str) -> None:
        self._terminals, self._cwd, self.name = terminals, cwd, name
        self.pressed: list[str] = []
        """Prompts in the order in which they were judged."""
        self.saved: list[str] = []
        """Of these, the ones that the screen then called saved."""
        self._unsure: list[str] = []
        self.last_screens: list[str] = []
        self.pane = self._open()

    def _open(self) -> Pane:
        return self._terminals.open(self._cwd, "label", "--as", self.name)

    def kill(self) -> None:
        self.pane.kill()

    def work(self, enough: threading.Event) -> None:
        """Judge until `enough`, then leave as a person does."""
        while not enough.is_set():
            if self.pane.dead:
                self.last_screens.append(self.pane.screen)
                self._unsure.clear()
                self.pane = self._open()
            self._judge_one(enough)
            enough.wait(THINK_S)
        wait_until(lambda: self._look() and not self._unsure, PATIENCE_S, "all is saved", LOOK_S)
        self.pane.press("q")  # to the home screen, or out
        with suppress(AssertionError):
            wait_until(lambda: self.pane.dead, 5)
        if not self.pane.dead:
            self.pane.press("q")
            self.pane.gone()
        self.last_screens.append(self.pane.screen)

    def _look(self) -> str:
        """The prompt on the screen; notes what the same screen calls saved."""
        screen = self.pane.screen
        if self.pane.dead or not screen.strip():
            return ""
        found = ITEM.search(screen)
        item = found.group() if found else "nothing"
        if SAVED.search(screen.splitlines()[0]) and item not in self._unsure[-1:]:
            self.saved += self._unsure
            self._unsure.clear()
        return item

    def _judge_one(self, enough: threading.Event) -> None:
        item = [""]

        def next_one() -> bool:
            item[0] = self._look()
            new = ITEM.match(item[0]) is not None and item[0] not in self._unsure[-1:]
            return new or self.pane.dead or enough.is_set()

        wait_until(next_one, PATIENCE_S, f"{self.name}'s next item", LOOK_S)
        if ITEM.match(item[0]) and not self.pane.dead and not enough.is_set():
            # Noted first: what was pressed may have arrived although the program was killed.
            self.pressed.append(item[0])
            self._unsure.append(item[0])
            self.pane.press("1", "2", "Enter")
