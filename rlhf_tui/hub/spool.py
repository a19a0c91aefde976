"""Judgements kept on this machine's disk while the hub is away, one file a person and workspace.

Lines of JSON, each synced before the person is told `saved locally`. Several programs of one
person share the file: a lock holds them apart.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import msgspec
import platformdirs

from rlhf_tui.config.file_names import file_name
from rlhf_tui.errors import HubError
from rlhf_tui.records import Event
from rlhf_tui.workspace import Workspace


def spool_path(workspace: Workspace, annotator: str) -> Path:
    """The spool of a person for a workspace, in this user's own state directory."""
    place = hashlib.sha256(os.fsencode(workspace.root)).hexdigest()[:16]
    name = f"{place}-{file_name(annotator)}.jsonl"
    return platformdirs.user_state_path("rlhf-tui") / "spool" / name


class Spool:
    """Events in the order in which they were made; blocking, to be called from a thread."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, event: Event) -> list[Event]:
        """Keep an event durably; returns all that lie there now.

        Raises:
            HubError: this disk cannot take it either.
        """
        line = msgspec.json.encode(event) + b"\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._locked() as file:
                # What has no newline was cut off by a crash, and nobody was told it was saved.
                whole = _whole(file)
                file.truncate(len(whole))
                file.seek(len(whole))
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
                _sync_directory(self.path.parent)
                return [*_readable(whole), event]
        except OSError as error:
            raise HubError(
                f"The hub is away, and {self.path} cannot take the judgement: {error.strerror}.",
                hint="Free some space, then submit again.",
            ) from error

    def read(self) -> list[Event]:
        """The events, in order; lines that are none are set aside by `forget`."""
        try:
            with self._locked() as file:
                return _readable(_whole(file))
        except FileNotFoundError:
            return []

    def forget(self, events: Sequence[Event], rejected: Sequence[Event] = ()) -> list[Event]:
        """Remove events that the hub has now; returns those that are left.

        Args:
            rejected: of these, the ones that the hub refused for good; they and lines that
                cannot be read are kept in a file beside, and never sent again.
        """
        known = {event.event_id for event in events}
        refused = {event.event_id for event in rejected}
        with self._locked() as file:
            left: list[bytes] = []
            aside: list[bytes] = []
            for event, line in _events(_whole(file)):
                if event is None or event.event_id in refused:
                    aside.append(line)
                elif event.event_id not in known:
                    left.append(line)
            if aside:
                self._set_aside(aside)
            self._replace(b"".join(left))
            return _readable(b"".join(left))

    def _replace(self, data: bytes) -> None:
        """Put a shorter file in the place of this one, whole at every moment."""
        aside = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        with aside.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        aside.chmod(0o600)
        aside.replace(self.path)

    def _set_aside(self, lines: Sequence[bytes]) -> None:
        with self.path.with_suffix(".rejected.jsonl").open("ab") as file:
            file.write(b"".join(lines))
            file.flush()
            os.fsync(file.fileno())

    def _is(self, file: IO[bytes]) -> bool:
        try:
            return os.path.samestat(os.fstat(file.fileno()), self.path.stat())
        except FileNotFoundError:
            return False

    @contextlib.contextmanager
    def _locked(self) -> Iterator[IO[bytes]]:
        while True:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            with os.fdopen(os.open(self.path, flags, 0o600), "r+b") as file:
                fcntl.flock(file.fileno(), fcntl.LOCK_EX)
                # While we waited, the one before may have put another file in its place.
                if self._is(file):
                    yield file
                    return


def _whole(file: IO[bytes]) -> bytes:
    file.seek(0)
    data = file.read()
    return data[: data.rfind(b"\n") + 1]


def _events(data: bytes) -> Iterator[tuple[Event | None, bytes]]:
    for line in data.splitlines(keepends=True):
        try:
            yield msgspec.json.decode(line, type=Event), line
        except (msgspec.DecodeError, UnicodeDecodeError):
            yield None, line


def _readable(data: bytes) -> list[Event]:
    return [event for event, _ in _events(data) if event is not None]


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
