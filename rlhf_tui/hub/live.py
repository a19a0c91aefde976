"""Settings that change while the hub runs: [label] of rlhf.toml, looked at once a second at most.

Everything else of the file belongs to a start: the seed and the splits decide what was shown and
held out, and runs read their own tables when they are launched.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import msgspec

from rlhf_tui.config.settings import Settings, load_settings
from rlhf_tui.errors import UsageError
from rlhf_tui.workspace import Workspace

LOOK_S = 1.0
"""Seconds between two looks at the file."""

log = logging.getLogger("rlhf_tui.hub")

Stamp = tuple[int, int, int]


class LiveSettings:
    """The settings as they are now.

    Attributes:
        trouble: why the file as it is now is not followed; empty when it is.
    """

    def __init__(
        self,
        workspace: Workspace,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.now = settings
        self.trouble = ""
        self._workspace = workspace
        self._clock = clock
        self._stamp = self._look()
        self._next = clock() + LOOK_S

    def refresh(self) -> bool:
        """Look at the file, unless that was a moment ago; True when [label] has changed.

        A file that cannot be used leaves the settings as they are, and is told of once.
        """
        if self._clock() < self._next:
            return False
        self._next = self._clock() + LOOK_S
        stamp = self._look()
        if stamp == self._stamp:
            return False
        self._stamp = stamp
        try:
            label = load_settings(self._workspace).label
        except UsageError as error:
            self.trouble = f"{error} The settings from before are still used."
            log.warning("%s", self.trouble)
            return False
        self.trouble = ""
        if label == self.now.label:
            return False
        self.now = msgspec.structs.replace(self.now, label=label)
        log.info("[label] of %s has changed", self._workspace.config)
        return True

    def _look(self) -> Stamp | None:
        try:
            found = self._workspace.config.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
