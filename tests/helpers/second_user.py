"""Another system user, who works in a shared workspace through a process of their own."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, TypeVar, cast

import msgspec
import pytest

from rlhf_tui.hub.messages import Answer, AnyAnswer, Failure, Request, Welcome
from rlhf_tui.workspace import Workspace, init_workspace

A = TypeVar("A", bound=Answer)
NAME = "nobody"
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs a second system user")

PROGRAM = """
import os, sys
from pathlib import Path
import msgspec
from rlhf_tui.errors import RlhfError
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Answer, AnyRequest, Failure
from rlhf_tui.workspace import Workspace

# Only now: the interpreter may lie where the other user cannot read.
os.setgroups([]); os.setgid({gid}); os.setuid({uid})

def say(answer):
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\\n")
    sys.stdout.buffer.flush()

with HubClient(Workspace(Path({root!r}))) as client:
    say(client.welcome)
    for line in sys.stdin.buffer:
        try:
            say(client.call(msgspec.json.decode(line, type=AnyRequest), Answer))
        except RlhfError as error:
            say(Failure(f"{{type(error).__name__}}: {{error}}"))
"""


@contextmanager
def workspace_apart() -> Iterator[Workspace]:
    """A workspace outside pytest's directories, which each session that starts closes to others."""
    with tempfile.TemporaryDirectory(prefix="rlhf-tui-") as place:
        yield init_workspace(Path(place) / "w", name="test")


def open_to_nobody(workspace: Workspace) -> None:
    """What a group of its own would give."""
    gid = pwd.getpwnam(NAME).pw_gid
    workspace.root.parent.chmod(0o711)
    os.chown(workspace.root, 0, gid)
    workspace.root.chmod(0o2770)


class SecondUser:
    """User nobody, connected."""

    def __init__(self, workspace: Workspace) -> None:
        user = pwd.getpwnam(NAME)
        program = PROGRAM.format(uid=user.pw_uid, gid=user.pw_gid, root=str(workspace.root))
        self._process = subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
        )
        self.welcome = self._answer(Welcome)

    def ask(self, request: Request, kind: type[A]) -> A:
        cast(IO[bytes], self._process.stdin).write(msgspec.json.encode(request) + b"\n")
        cast(IO[bytes], self._process.stdin).flush()
        return self._answer(kind)

    def refused(self, request: Request) -> str:
        """The refusal, as 'Denied: …'."""
        return self.ask(request, Failure).message

    def _answer(self, kind: type[A]) -> A:
        line = cast(IO[bytes], self._process.stdout).readline()
        answer = msgspec.json.decode(line, type=AnyAnswer)
        assert isinstance(answer, kind), answer
        return answer

    def __enter__(self) -> SecondUser:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()
