"""The life of a hub's process: where it may run, how it detaches, and the note it leaves."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec

from rlhf_tui import __version__
from rlhf_tui.errors import HubError
from rlhf_tui.hub.identity import user_name
from rlhf_tui.runs.layout import ProcessMark, write_atomic
from rlhf_tui.runs.process import alive, is_here, mark, signal_process
from rlhf_tui.workspace import Workspace

NETWORK_TYPES = frozenset(
    {"afs", "beegfs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "gfs2", "glusterfs", "gpfs"}
    | {"lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "orangefs", "pvfs2", "smb3", "smbfs"}
)
"""File systems on which locks and sockets of another host are not seen, or not reliably."""


class HubFile(msgspec.Struct):
    """hub.json: which process is the hub, for people and for other hosts."""

    process: ProcessMark
    version: str
    started_ms: int
    workspace: str


def read_hub_file(workspace: Workspace) -> HubFile | None:
    """What the running hub, or one that was killed, left; None when there is nothing usable."""
    try:
        return msgspec.json.decode(workspace.hub_file.read_bytes(), type=HubFile)
    except (OSError, msgspec.DecodeError):
        return None


def write_hub_file(workspace: Workspace, started_ms: int) -> None:
    write_atomic(
        workspace.hub_file,
        HubFile(mark(), __version__, started_ms, str(workspace.root)),
    )


def running_elsewhere(workspace: Workspace) -> str:
    """The host of a hub on another machine, as far as hub.json tells; else empty."""
    found = read_hub_file(workspace)
    return "" if found is None or is_here(found.process) else found.process.host


def terminate(workspace: Workspace) -> bool:
    """End a hub that cannot be talked to (another version, say) by SIGTERM; False if none runs.

    Raises:
        RunFailed: it runs on another machine or belongs to another user.
    """
    found = read_hub_file(workspace)
    return (
        found is not None and alive(found.process) and signal_process(found.process, signal.SIGTERM)
    )


def file_system(path: Path) -> str:
    """Type of the file system that holds `path`; empty when the system does not tell."""
    try:
        lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    best, kind = -1, ""
    for line in lines.splitlines():
        fields, _, rest = line.partition(" - ")
        place = fields.split()[4].encode().decode("unicode_escape")
        if path.is_relative_to(place) and len(place) > best:
            best, kind = len(place), rest.split()[0]
    return kind


def require_local(workspace: Workspace) -> None:
    """
    Raises:
        HubError: the workspace lies on a network file system.
    """
    kind = file_system(workspace.root.resolve())
    if kind not in NETWORK_TYPES:
        return
    elsewhere = running_elsewhere(workspace)
    if elsewhere:
        raise HubError(
            f"The hub of this workspace runs on {elsewhere}.", hint=f"Work on {elsewhere}."
        )
    raise HubError(
        f"{workspace.root} lies on a network file system ({kind}), where locks cannot be trusted.",
        hint="Put the workspace on a local disk, or start the hub yourself on the one host that "
        "uses it: python -m rlhf_tui.hub.server --allow-network-fs DIR",
    )


def require_owner(workspace: Workspace) -> None:
    """
    Raises:
        HubError: this user does not own the workspace.
    """
    owner = workspace.root.stat().st_uid
    if owner != os.geteuid():
        raise HubError(
            f"The hub of this workspace does not run, and only its owner "
            f"({user_name(owner)}) may start it.",
            hint=f"Ask {user_name(owner)} to run: rlhf-tui hub start -w {workspace.root}",
        )


def detach(log: Path) -> int:
    """Go on in a child without a terminal, which writes into the log.

    Must come before any thread or database. The parent waits for what the child says on the
    returned descriptor, prints it and ends: with 0 for `ready`, else with HubError's code.
    """
    ready, ready_write = os.pipe()
    child = os.fork()
    if child:
        os.close(ready_write)
        with os.fdopen(ready, encoding="utf-8", errors="replace") as said:
            word = said.read()
        if word != "ready":
            os.write(2, (word or f"The hub could not start; {log} says more.").encode())
        os._exit(0 if word == "ready" else HubError.exit_code)
    os.close(ready)
    os.setsid()
    with open(os.devnull, "rb") as nothing, log.open("ab") as written:  # noqa: PTH123
        os.dup2(nothing.fileno(), 0)
        os.dup2(written.fileno(), 1)
        os.dup2(written.fileno(), 2)
    # Inherited from whoever started us, these would make us deaf to them.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return ready_write
