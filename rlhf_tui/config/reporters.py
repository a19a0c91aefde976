"""Services that a run's figures can go to beside our own log, and whether they are installed."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable

from rlhf_tui.errors import UsageError

PACKAGES = {"tensorboard": "tensorboard", "wandb": "wandb", "trackio": "trackio"}
"""Name in `report_to` → the package that has to be there."""


def check_installed(names: Iterable[str]) -> None:
    """Refuse a service whose package is missing; looks without importing anything.

    Raises:
        UsageError: names the package and how to install it.
    """
    for name in names:
        package = PACKAGES[name]
        if importlib.util.find_spec(package) is None:
            raise UsageError(
                f"report_to = {name!r} needs the package {package}, which is not installed.",
                hint=f"Install it with: pip install {package}",
            )
