"""Start a workspace's hub when none runs: what every client does first."""

from __future__ import annotations

import contextlib
import fcntl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from rlhf_tui.errors import HubError, RlhfError
from rlhf_tui.hub import address
from rlhf_tui.workspace import Workspace, find_workspace

PATIENCE_S = 10.0
"""How long a client tries to connect or to start; a start takes well under a second."""
RETRY_S = 0.05
START_S = 60.0
"""A start that replays a long write-ahead log may take some seconds."""
HELD = "held by another process"
"""What the store's gate says when a hub is there already, or on its way up or down."""
SERVER_COMMAND = (sys.executable, "-P", "-m", "rlhf_tui.hub.server")


def answers(workspace: Workspace) -> bool:
    """Whether a hub takes connections."""
    try:
        address.connect(workspace.socket, PATIENCE_S).close()
    except PermissionError as error:
        raise HubError(
            f"You may not connect to the hub of {workspace.root}.",
            hint="Ask its owner to share the workspace with your group.",
        ) from error
    except OSError:
        return False
    return True


def ensure_hub(workspace: Workspace) -> None:
    """Return once a hub takes connections; start one if none does.

    Raises:
        HubError: it cannot be started here, by this user, or at all; the sentence says why.
    """
    if answers(workspace):
        return
    # Imported only to start one: most clients find a hub, and need none of it.
    from rlhf_tui.hub import life

    deadline = time.monotonic() + START_S
    while not answers(workspace):
        life.require_owner(workspace)
        problem = ""
        with _turn_to_start(workspace) as ours:
            if ours and not answers(workspace):
                problem = _start(workspace)
        # Held: a hub is on its way up or down, and listens, or is gone, in a moment.
        if (problem and HELD not in problem) or time.monotonic() > deadline:
            raise HubError(problem or away(workspace))
        if not ours or problem:
            time.sleep(RETRY_S)


@contextlib.contextmanager
def _turn_to_start(workspace: Workspace) -> Iterator[bool]:
    """True for one client at a time: twenty that start a hub at once would only slow it down."""
    try:
        file = workspace.root.joinpath("hub.starting").open("ab")
    except OSError as error:
        raise HubError(
            f"The hub cannot be started: {workspace.root} cannot be written: {error.strerror}."
        ) from error
    with file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def away(workspace: Workspace) -> str:
    return f"The hub of {workspace.root} went away; {workspace.hub_log} may say why."


def _start(workspace: Workspace) -> str:
    """Start a hub in the background; what kept it from starting, empty when it stands."""
    from rlhf_tui.hub import logout

    try:
        done = subprocess.run(
            [*logout.prefix(), *SERVER_COMMAND, "--detach", str(workspace.root)],
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=START_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"The hub did not start within {START_S:.0f} seconds; {workspace.hub_log} says more."
    if done.returncode == 0:
        return ""
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return said[-1] if said else f"The hub did not start; {workspace.hub_log} says more."


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m rlhf_tui.hub.autostart ROOT`: what a supervisor does last."""
    argv = sys.argv[1:] if argv is None else argv
    if len(argv) != 1:
        print("Usage: python -m rlhf_tui.hub.autostart WORKSPACE", file=sys.stderr)
        return 2
    try:
        ensure_hub(find_workspace(Path(argv[0])))
    except RlhfError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
