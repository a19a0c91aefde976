"""Passes a run's figures on to TensorBoard, W&B or trackio, whichever trainer logs them.

Hangs on the run context, through which every trainer's figures go, so no trainer knows of it. Our
own log is written first and always: a service that fails is told of once and left alone, and
training goes on. After a resume the figures go on in the same run of the service.
"""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from rlhf_tui.config.reporters import check_installed
from rlhf_tui.errors import RlhfError
from rlhf_tui.runs.checkpoints import step_of

if TYPE_CHECKING:
    from rlhf_tui.runs.context import RunContext
    from rlhf_tui.runs.layout import Phase

CLOSE_S = 60.0
"""A service gets so long to send what it still holds; then the run ends without it."""
PROJECT = "rlhf-tui"
"""Where a service sorts runs, unless WANDB_PROJECT or TRACKIO_PROJECT says otherwise."""


class Service(Protocol):
    """What a package of a service looks like from here."""

    def log(self, step: int, figures: Mapping[str, float]) -> None: ...

    def close(self, *, failed: bool) -> None: ...


def attach(context: RunContext) -> None:
    """Let the services that the run names hear its figures.

    Raises:
        RlhfError: a package is missing, or a key that the service cannot do without.
    """
    from rlhf_tui.training import reporters
    from rlhf_tui.training.process import QUIET

    if not context.is_main:
        return
    names = list(dict.fromkeys(context.arguments.arguments.get("report_to", [])))
    check_installed(names)
    for name in QUIET:
        # Before a package is imported that imports the Hugging Face libraries.
        os.environ.setdefault(name, QUIET[name])
    for name in names:
        listener = Listener(name, partial(reporters.OPEN[name], context))
        context.listeners.append(listener)


class Listener:
    """One service, whose failures end here."""

    def __init__(self, name: str, open_service: Callable[[], Service]) -> None:
        self._name = name
        self._service: Service | None = None
        try:
            self._service = open_service()
        except RlhfError:
            raise
        except Exception as error:  # noqa: BLE001  # other people's code, and their network
            self._lose(error)

    def heard(self, step: int, figures: Mapping[str, float]) -> None:
        """Pass figures on."""
        if self._service is None:
            return
        try:
            self._service.log(step, {service_name(name): v for name, v in figures.items()})
        except Exception as error:  # noqa: BLE001
            self._lose(error)

    def over(self, phase: Phase) -> None:
        """Let the service send what it still holds, within a time."""
        service, self._service = self._service, None
        if service is None:
            return
        trouble: list[Exception] = []

        def close() -> None:
            try:
                service.close(failed=phase == "failed")
            except Exception as error:  # noqa: BLE001
                trouble.append(error)

        closing = threading.Thread(target=close, daemon=True)
        closing.start()
        closing.join(CLOSE_S)
        if closing.is_alive():
            trouble.append(TimeoutError(f"it did not finish within {CLOSE_S:g} s"))
        if trouble:
            self._lose(trouble[0])

    def _lose(self, error: Exception) -> None:
        self._service = None
        words = str(error).strip().splitlines() or [type(error).__name__]
        # The log may be on the disk that is full.
        with suppress(OSError):
            print(
                f"{self._name} failed ({words[0]}); figures go to our own log alone from here on.",
                flush=True,
            )


def service_name(name: str) -> str:
    """A figure's name under the headings that these services sort by: train/ and eval/."""
    if "/" in name:
        return name
    return f"eval/{name[5:]}" if name.startswith("eval_") else f"train/{name}"


def service_run(context: RunContext) -> str:
    """A name for the run at a service that no other workspace's run has, the same at a resume."""
    about = context.arguments
    digest = hashlib.sha256(f"{about.workspace}\0{about.created_ms}".encode()).hexdigest()
    return f"{about.run_id}-{digest[:8]}"


def described(context: RunContext) -> dict[str, Any]:
    """What a service is told about the run: its arguments, its kind, and versions."""
    about = context.arguments
    return {**about.arguments, "kind": about.kind, "versions": about.versions}


def resumed_at(context: RunContext) -> int:
    """The step of the checkpoint that the run goes on from; 0 for a new run."""
    checkpoint = context.latest_checkpoint()
    return step_of(checkpoint) if checkpoint else 0
