"""The first connection of the screens, made while they are still being imported.

Importing and starting Textual takes most of a start. Meanwhile a thread greets the hub and asks
for the first items; the loop then goes on with that connection and finds its first questions
answered.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from rlhf_tui.errors import RlhfError
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Answer, Request, Welcome
from rlhf_tui.hub.spool import Spool, spool_path
from rlhf_tui.workspace import Workspace

Question = tuple[Request, type[Answer]]


@dataclass(frozen=True)
class Early:
    """A connection that has been greeted, and what was asked on it."""

    connection: socket.socket
    welcome: Welcome
    number: int
    """Of the last request; the next one has a greater."""
    answers: list[tuple[Request, Answer]]


class EarlyStart:
    """Begins at once, in a thread of its own."""

    def __init__(
        self,
        workspace: Workspace,
        questions: Sequence[Question],
        *,
        client: str,
        as_name: str | None,
    ) -> None:
        self._workspace, self._questions = workspace, questions
        self._client, self._as_name = client, as_name
        self._found: Early | None = None
        self._thread = threading.Thread(target=self._run, daemon=True, name="early start")
        self._thread.start()

    def take(self) -> Early | None:
        """Wait for it; None when anything failed: the ordinary way fails likewise, and says why."""
        self._thread.join()
        found, self._found = self._found, None
        return found

    def _run(self) -> None:
        try:
            hub = HubClient(self._workspace, client=self._client, as_name=self._as_name)
            answers: list[tuple[Request, Answer]] = []
            # What lies in the spool has to reach the hub before anything is asked.
            if not Spool(spool_path(self._workspace, hub.welcome.annotator)).read():
                for request, answer in self._questions:
                    answers.append((request, hub.call(request, answer)))
            connection, number = hub.detach()
            self._found = Early(connection, hub.welcome, number, answers)
        except (RlhfError, OSError):
            return
