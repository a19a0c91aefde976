"""What a person chose on the screens and finds again at the next start: one small file a person.

The file is named after the annotator, so that several people of one account keep their own. Each
change reads the file again under a lock and replaces it whole: two programs of one person at once
keep each other's changes. What cannot be read counts as nothing chosen, and is kept beside.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from rlhf_tui.config.file_names import file_name


class Choices(msgspec.Struct, frozen=True):
    """What is remembered; fields that an older or newer version wrote are left alone."""

    theme: str = ""
    """Empty: the one of rlhf.toml."""
    markdown: bool = True
    """Rendered, not as written."""
    fast: bool = False
    """Of a pair one key judges and goes on."""
    together: bool = True
    """Panes scroll together."""
    guidelines: dict[str, str] = {}
    """Workspace directory → version of its guidelines that the person has seen."""


class Personal:
    """The choices of one person, in memory and on disk."""

    def __init__(self, path: Path | None = None) -> None:
        """
        Args:
            path: None remembers until the program ends, and no longer.
        """
        self.path = path
        self.choices = Choices()
        self.notice = ""
        """What went wrong with the file, as a sentence; empty when nothing did."""
        if path is not None:
            kept = self._read(path)
            self.choices = _choices(kept)

    def set(self, **changes: Any) -> None:
        """Remember some of Choices' fields; of `guidelines` only the workspaces named change.

        A disk that cannot take them is told in `notice`; the choice holds until the end.
        """
        self.choices = _changed(self.choices, changes)
        if self.path is None:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._locked(self.path):
                kept = self._read(self.path)
                choices = _changed(_choices(kept), changes)
                self._replace(self.path, {**kept, **msgspec.to_builtins(choices, order="sorted")})
        except OSError as error:
            self.notice = f"Your settings cannot be kept in {self.path}: {error.strerror}."

    def _read(self, path: Path) -> dict[str, Any]:
        """The fields of the file; a broken one is moved aside."""
        try:
            kept = msgspec.json.decode(path.read_bytes(), type=dict[str, Any])
            _choices(kept)
        except FileNotFoundError:
            return {}
        except OSError as error:
            self.notice = f"Your settings in {path} cannot be read: {error.strerror}."
            return {}
        except (msgspec.MsgspecError, UnicodeDecodeError):
            broken = path.with_suffix(".broken")
            self.notice = f"Your settings were broken; they begin anew, and lie in {broken}."
            with contextlib.suppress(OSError):
                path.replace(broken)
            return {}
        return kept

    @staticmethod
    @contextlib.contextmanager
    def _locked(path: Path) -> Iterator[None]:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(path.with_suffix(".lock"), flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @staticmethod
    def _replace(path: Path, kept: dict[str, Any]) -> None:
        aside = path.with_suffix(f".{os.getpid()}")
        aside.write_bytes(msgspec.json.format(msgspec.json.encode(kept), indent=2) + b"\n")
        aside.chmod(0o600)
        aside.replace(path)


def personal_path(annotator: str) -> Path:
    """The file of an annotator, in this user's own state directory."""
    # `@` is quoted in names: one such as `ann.lock` cannot be another's lock.
    return platformdirs.user_state_path("rlhf-tui") / "people" / f"{file_name(annotator)}@.json"


def _choices(kept: dict[str, Any]) -> Choices:
    return msgspec.convert(kept, Choices)


def _changed(choices: Choices, changes: dict[str, Any]) -> Choices:
    seen = {**choices.guidelines, **changes.get("guidelines", {})}
    return msgspec.structs.replace(choices, **{**changes, "guidelines": seen})
