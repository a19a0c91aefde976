"""The guidelines for annotators: a file of the workspace, of which every version shown is kept."""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from typing import TYPE_CHECKING

import msgspec

from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.hub.messages import Guidelines
from rlhf_tui.store.guidelines import guidelines_of, save_guidelines
from rlhf_tui.workspace import Workspace

if TYPE_CHECKING:
    from rlhf_tui.hub.hub import Hub

LARGEST = 1 << 20
"""Bytes: more than a day's reading."""
DIGITS = 12
"""Of the text's sha256, in hexadecimal, that name a version."""


class Known(msgspec.Struct, frozen=True):
    """The guidelines as last read."""

    mark: tuple[int, ...]
    """What the file's status was; a change of it has the file read again."""
    guidelines: Guidelines


NONE = Known((), Guidelines(version="", text=""))


async def current(hub: Hub) -> Guidelines:
    """The guidelines as they are now, empty without the file; a version is stored when first seen.

    Raises:
        InputError: the file is there and cannot be taken.
    """
    path = hub.workspace.guidelines
    try:
        mark = _mark(path.stat(follow_symlinks=False))
    except OSError:
        hub.guidelines = NONE
        return NONE.guidelines
    if mark != hub.guidelines.mark:
        text = await asyncio.to_thread(read, hub.workspace)
        version = version_of(text)
        if version:
            await hub.writer.do(save_guidelines, hub.store, version, text)
        hub.guidelines = Known(mark, Guidelines(version=version, text=text))
    return hub.guidelines.guidelines


async def version_now(hub: Hub) -> str:
    """Version of what `current` gives; empty, too, where the file cannot be taken: whoever asks
    for the guidelines is told why, and the labelling goes on."""
    try:
        return (await current(hub)).version
    except InputError:
        return ""


async def older(hub: Hub, version: str) -> Guidelines:
    """
    Raises:
        UsageError: nobody was ever shown this version.
    """
    text = await hub.read(guidelines_of, version)
    if text is None:
        raise UsageError(f"There are no guidelines of version {version[:40]!r}.")
    return Guidelines(version=version, text=text)


def version_of(text: str) -> str:
    """The first digits of the text's sha256; empty for no text."""
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS] if text else ""


def read(workspace: Workspace) -> str:
    """The text of the guidelines.

    A link is not followed: in a shared workspace someone else may have laid it, and the hub can
    read what they cannot.

    Raises:
        InputError: it is no regular file, too large, not UTF-8, or cannot be read.
    """
    path = workspace.guidelines
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(handle, "rb") as file:  # noqa: PTH123
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InputError(f"{path} is no regular file.")
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from None
    if len(data) > LARGEST:
        raise InputError(f"{path} is larger than {LARGEST >> 20} MiB.", hint="Shorten it.")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise InputError(f"{path} is not UTF-8 text.") from None


def _mark(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
