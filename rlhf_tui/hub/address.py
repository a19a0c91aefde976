"""Reaching a unix socket whose path may be longer than the 107 bytes that an address holds."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlhf_tui.errors import HubError

LONGEST = 107
"""Bytes of sun_path (108 on Linux), less the closing zero."""


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """An address for bind or connect that reaches `path`, however deep it lies.

    Raises:
        OSError: the directory is not there.
        HubError: the path is too long and this system has no /proc to shorten it.
    """
    if len(os.fsencode(path)) <= LONGEST:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        link = Path(f"/proc/self/fd/{directory}")
        if not link.exists():
            raise HubError(
                f"The path of the workspace is too long for a socket ({path}).",
                hint=f"Put the workspace where its path has less than {LONGEST - 9} bytes.",
            )
        yield str(link / path.name)
    finally:
        os.close(directory)


def connect(path: Path, timeout: float) -> socket.socket:
    """A blocking connection to the hub's socket.

    Raises:
        OSError: nobody listens there.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout)
    try:
        with short_address(path) as address:
            connection.connect(address)
    except BaseException:
        connection.close()
        raise
    return connection


def listen(path: Path, mode: int) -> socket.socket:
    """A listening socket at `path`, which must be free; `mode` as for chmod.

    Raises:
        OSError: the directory cannot be written, or holds no sockets.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # The mask closes the moment between bind and chmod, in which anyone could connect.
        before = os.umask(0o177)
        try:
            with short_address(path) as address:
                listener.bind(address)
        finally:
            os.umask(before)
        path.chmod(mode)
        listener.listen(256)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
