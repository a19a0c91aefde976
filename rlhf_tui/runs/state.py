"""What is true of a run, derived from its directory alone, whoever of its processes was killed."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import msgspec

from rlhf_tui.errors import InputError
from rlhf_tui.runs import layout
from rlhf_tui.runs.launch import processes
from rlhf_tui.runs.layout import (
    LOST_AFTER_S,
    Adjusted,
    ProcessMark,
    RunArguments,
    RunExit,
    RunStatus,
    State,
    StopRequest,
)
from rlhf_tui.runs.process import alive, boot_id, is_here

MOST_REMEMBERED = 10_000
"""Ended runs whose facts are remembered: some 2 KB each."""
ENDED: dict[str, State] = {"finished": "finished", "stopped": "stopped", "failed": "failed"}


class RunFacts(msgspec.Struct):
    """A run as its files and processes tell it."""

    arguments: RunArguments
    state: State
    message: str = ""
    """A sentence for people: what goes on, or how it ended."""
    status: RunStatus | None = None
    exit: RunExit | None = None
    started: float = 0.0
    """Seconds since 1970; 0 before the start."""
    ended: float = 0.0
    """Seconds since 1970; 0 before the end. Of a run that was killed with its supervisor, the
    last heartbeat."""
    lost: bool = False
    """It should be alive, but its heartbeat is older than LOST_AFTER_S."""
    elsewhere: str = ""
    """The machine it runs on, when that is not this one: it can only be watched then."""


def describe(directory: Path) -> RunFacts:
    """Read the state of a run.

    Raises:
        InputError: not a run directory.
    """
    arguments = layout.read(directory / layout.ARGS, RunArguments)
    if arguments is None:
        if not directory.exists():
            raise InputError(f"The run's directory was removed: {directory}.")
        raise InputError(f"{directory} is not a run directory: it has no {layout.ARGS}.")
    supervisor, worker = processes(directory)
    marks = [mark for mark in (supervisor, worker) if mark is not None]
    # Whether it lives is asked before exit.json is read: the supervisor writes that and dies, so
    # the other order could see neither.
    living = [mark for mark in marks if alive(mark)]
    facts = RunFacts(arguments, "queued", started=marks[0].started if marks else 0.0)
    facts.exit = layout.read(directory / layout.EXIT, RunExit)
    facts.status = layout.read(directory / layout.STATUS, RunStatus)
    if facts.exit is not None:
        stop = layout.read(directory / layout.STOP, StopRequest)
        facts.state = _state_at_exit(facts.exit, facts.status, stop)
        facts.message, facts.ended = facts.exit.message, facts.exit.ended
    elif not marks:
        facts.message = "Waiting for its turn."
    elif living:
        _describe_living(facts, directory)
    elif not is_here(marks[-1]) and (facts.status is None or facts.status.phase not in ENDED):
        facts.elsewhere = marks[-1].host
        _describe_living(facts, directory)
    else:
        _describe_dead(facts, marks)
    adjusted = layout.read(directory / layout.ADJUSTED, Adjusted)
    if adjusted is not None:
        facts.message = f"{facts.message} {adjusted.reason}".strip()
    return facts


class Ended:
    """Remembers the facts of runs that have ended: a list of hundreds costs two looks a run.

    A resume takes exit.json away, so that the run is described anew.
    """

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, ...], RunFacts]] = {}

    def describe(self, directory: Path) -> RunFacts:
        """`describe`, from memory where how the run ended is known; not to be changed.

        Raises:
            InputError: not a run directory.
        """
        found = self._looks(directory)
        known = self._known.get(directory)
        if found and known and known[0] == found:
            return known[1]
        facts = describe(directory)
        if found and facts.exit is not None:
            if len(self._known) >= MOST_REMEMBERED:
                self._known.clear()
            self._known[directory] = (found, facts)
        return facts

    @staticmethod
    def _looks(directory: Path) -> tuple[int, ...]:
        """What differs once another one ended there, or as something else; empty: none has."""
        found: list[int] = []
        for name in (layout.EXIT, layout.ARGS):
            try:
                facts = os.stat(f"{directory}/{name}")  # noqa: PTH116 - a third of the cost
            except OSError:
                return ()
            found += (facts.st_ino, facts.st_size, facts.st_mtime_ns)
        return tuple(found)


def _state_at_exit(ended: RunExit, status: RunStatus | None, stop: StopRequest | None) -> State:
    if ended.out_of_memory:
        return "failed"
    if ended.code == 0:
        return "stopped" if status is not None and status.phase == "stopped" else "finished"
    # Asked to stop before it could listen, or told to end at once.
    if stop is not None and ended.signal in (signal.SIGTERM, signal.SIGKILL):
        return "stopped"
    return "failed"


def _describe_living(facts: RunFacts, directory: Path) -> None:
    facts.state = "stopping" if (directory / layout.STOP).exists() else "running"
    if facts.status is not None:
        facts.message = facts.status.message
    # Until the worker's first beat, its start is what its silence is measured from.
    beat = facts.status.updated if facts.status is not None else facts.started
    facts.lost = time.time() - beat > LOST_AFTER_S
    if facts.elsewhere:
        facts.message = f"Runs on {facts.elsewhere}. {facts.message}".strip()


def _describe_dead(facts: RunFacts, marks: list[ProcessMark]) -> None:
    """No process lives and no supervisor wrote how it ended: the last status is the witness."""
    if facts.status is not None:
        facts.ended = facts.status.updated
        if facts.status.phase in ENDED:
            facts.state, facts.message = ENDED[facts.status.phase], facts.status.message
            return
    facts.state = "failed"
    if marks[-1].boot_id != boot_id():
        facts.message = "The machine was restarted while it ran. Resume it from its checkpoint."
    else:
        facts.message = (
            "It was killed together with its supervisor, or the disk was full: nobody could say "
            "how it ended. Resume it from its last checkpoint."
        )
