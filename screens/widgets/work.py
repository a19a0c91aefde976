"""What a worker of Textual is given to do."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, ParamSpec

from textual.worker import WorkType

P = ParamSpec("P")


def work(
    function: Callable[P, Coroutine[Any, Any, None]], *arguments: P.args, **named: P.kwargs
) -> WorkType[None]:
    """A call that is made once the worker runs.

    A worker that is given a coroutine, and is cancelled before it begins because its screen goes
    that moment, leaves one that nobody awaits.
    """
    return partial(function, *arguments, **named)
