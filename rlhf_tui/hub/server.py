"""The hub's entry: `python -m rlhf_tui.hub.server ROOT` runs it in the foreground.

Light to import: with `--detach` the process forks, which has to come before any database.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rlhf_tui.errors import FREE_SPACE, HubError, RlhfError
from rlhf_tui.hub import life
from rlhf_tui.workspace import find_workspace

LARGEST_LOG = 4 * 1024 * 1024
"""Bytes of hub.log beyond which it is begun anew at a start, the old one kept aside."""


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m rlhf_tui.hub.server",
        description="Run the hub of a workspace until nobody needs it.",
    )
    parser.add_argument("root", type=Path, help="the workspace's directory")
    parser.add_argument(
        "--linger",
        type=float,
        metavar="SECONDS",
        help="how long to stay without clients and runs; 0: for ever, as in a shared workspace",
    )
    parser.add_argument(
        "--allow-network-fs",
        action="store_true",
        help="run on a network file system, on the one host that uses the workspace",
    )
    parser.add_argument("--detach", action="store_true", help="go to the background when ready")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run a hub; returns the exit code: 0, 1 after trouble, or an error's own."""
    options = parse(argv)
    ready = -1
    try:
        workspace = find_workspace(options.root)
        life.require_owner(workspace)
        if not options.allow_network_fs:
            life.require_local(workspace)
        if options.detach:
            _turn_log(workspace.hub_log)
            ready = life.detach(workspace.hub_log)
        from rlhf_tui.hub.process import run

        return run(workspace, options.linger, ready)
    except RlhfError as error:
        return _refuse(ready, error)
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        hint = f"{FREE_SPACE} on the disk of {options.root}; nothing is lost." if full else ""
        sentence = f"The hub could not run: {error.strerror}{place}."
        return _refuse(ready, HubError(sentence, hint=hint))


def _refuse(ready: int, error: RlhfError) -> int:
    """Say why there is no hub: to whoever waits for it, else on stderr."""
    if ready >= 0:
        # Fails when it was told `ready` long ago, and the descriptor closed.
        with suppress(OSError):
            os.write(ready, str(error).encode())
    # Last: the log behind stderr may lie on the full disk that the error is about.
    with suppress(OSError):
        print(error, file=sys.stderr, flush=True)
    return error.exit_code


def _turn_log(path: Path) -> None:
    if path.exists() and path.stat().st_size > LARGEST_LOG:
        path.replace(path.with_name(f"{path.name}.old"))


if __name__ == "__main__":
    sys.exit(main())
