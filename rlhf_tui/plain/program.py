"""`label --plain` as a program: the hub's connection, signals, and the exit code."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rlhf_tui.config.settings import Settings
from rlhf_tui.hub.aio import AsyncHub
from rlhf_tui.plain import words
from rlhf_tui.plain.paper import Paper
from rlhf_tui.plain.talk import Talk
from rlhf_tui.plain.typed import TypedLines
from rlhf_tui.records import TaskKind
from rlhf_tui.screens.editor import edit_in, editor_command
from rlhf_tui.workspace import Workspace

HANG_UP_S = 12.0
"""After a signal the work is put away for this long; then the program ends anyway."""


def run_plain(
    workspace: Workspace, settings: Settings, kind: TaskKind, as_name: str | None = None
) -> int:
    """Label by lines on stdin and stdout until the person leaves; returns the exit code.

    Raises:
        HubError: the hub cannot be reached or started.
        Denied: this user may not act as `as_name`.
    """
    return asyncio.run(_talk(workspace, settings, kind, as_name))


async def _talk(
    workspace: Workspace, settings: Settings, kind: TaskKind, as_name: str | None
) -> int:
    link = AsyncHub(workspace, client="plain", as_name=as_name)
    typed, paper = TypedLines(sys.stdin.fileno()), Paper(sys.stdout)
    code = [0]

    def leave(number: int) -> None:
        # Ctrl-C is a way to leave like any other; the other two are told to whoever asks.
        code[0] = 0 if number == signal.SIGINT else 128 + number
        watchdog = threading.Timer(HANG_UP_S, os._exit, [128 + number])
        watchdog.daemon = True
        watchdog.start()
        typed.end()

    loop = asyncio.get_running_loop()

    @contextmanager
    def lent() -> Iterator[None]:
        # Ctrl-C in the editor means the editor. A handler of ours, unlike one that ignores, is not
        # handed on to it.
        loop.remove_signal_handler(signal.SIGINT)
        signal.signal(signal.SIGINT, lambda *_: None)
        try:
            yield
        finally:
            # Later: the loop has yet to pass over the signals that came meanwhile.
            loop.call_later(0, loop.add_signal_handler, signal.SIGINT, leave, signal.SIGINT)

    command = editor_command() if sys.stdin.isatty() and sys.stdout.isatty() else []
    editor = (lambda text: edit_in(command, text, lent())) if command else None
    talk = Talk(link, kind, settings.label, typed, paper, editor)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, leave, number)
    await link.start()
    try:
        link.on_change = talk.hub_changed
        name = settings.workspace.name or workspace.root.name
        words.greet(paper, kind, name, link.welcome.annotator if link.welcome else "")
        typed.start()
        await talk.run()
    finally:
        await link.close()
    return code[0]
