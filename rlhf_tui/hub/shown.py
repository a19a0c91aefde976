"""Which tasks each connection shows, so that one person at two terminals is not asked twice.

In memory only: a connection that ends shows nothing, and what it had is handed out again.
"""

from __future__ import annotations

from collections.abc import Iterable

from rlhf_tui.records import TaskKind


class Shown:
    """Task ids by connection and kind; connections are numbers."""

    def __init__(self) -> None:
        self._tasks: dict[int, dict[TaskKind, set[str]]] = {}
        self._people: dict[int, str] = {}

    def replace(
        self, connection: int, annotator: str, kind: TaskKind, tasks: Iterable[str]
    ) -> None:
        """All that the connection's client shows of a kind."""
        self._people[connection] = annotator
        self._tasks.setdefault(connection, {})[kind] = set(tasks)

    def add(self, connection: int, annotator: str, kind: TaskKind, task: str) -> None:
        self._people[connection] = annotator
        self._tasks.setdefault(connection, {}).setdefault(kind, set()).add(task)

    def remove(self, connection: int, kind: TaskKind, task: str) -> None:
        self._tasks.get(connection, {}).get(kind, set()).discard(task)

    def elsewhere(self, connection: int, annotator: str, kind: TaskKind) -> set[str]:
        """What other connections of the same person show."""
        return {
            task
            for other, person in self._people.items()
            if person == annotator and other != connection
            for task in self._tasks[other].get(kind, ())
        }

    def forget(self, connection: int) -> None:
        """The connection has ended."""
        self._people.pop(connection, None)
        self._tasks.pop(connection, None)
