"""A person's own Python function as a source of rewards.

It is called as TRL calls reward functions: `function(prompts=[…], completions=[…])`, texts as
strings or as lists of {"role", "content"}, and answers with one number a completion, or None where
it does not apply. It may be a coroutine function.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import math
import numbers
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rlhf_tui.errors import InputError, nearest
from rlhf_tui.records import Text


class FunctionSource:
    """Scores by calling `package.module:name`; what it does wrong is said with its name."""

    def __init__(self, reference: str, cwd: Path) -> None:
        """Import the function.

        Args:
            cwd: where the launch was given; modules there come before installed ones.

        Raises:
            InputError: the module cannot be imported, or holds no such function.
        """
        self.reference = reference
        self._function = _load(reference, cwd)

    def score(self, prompts: Sequence[Text], completions: Sequence[Text]) -> list[float]:
        """Its answers; NaN for None.

        Raises:
            InputError: it failed, or did not answer with one finite number or None a completion.
        """
        answers = self._call([_plain(p) for p in prompts], [_plain(c) for c in completions])
        if hasattr(answers, "tolist"):
            answers = answers.tolist()  # an array or tensor
        if not isinstance(answers, list | tuple):
            raise InputError(
                f"The reward function {self.reference!r} returned a {type(answers).__name__}, "
                "not a list of numbers."
            )
        if len(answers) != len(completions):
            raise InputError(
                f"The reward function {self.reference!r} returned {len(answers)} rewards for "
                f"{len(completions)} completions.",
                hint="It must return one for each completion, None where it does not apply.",
            )
        return [self._number(answer) for answer in answers]

    def _call(self, prompts: list[Any], completions: list[Any]) -> Any:
        try:
            answers = self._function(prompts=prompts, completions=completions)
            return asyncio.run(_await(answers)) if inspect.isawaitable(answers) else answers
        except (Exception, SystemExit) as error:  # whatever a person's own code may raise
            raise InputError(
                f"The reward function {self.reference!r} failed{_line_of(error)} with "
                f"{_words(error)}."
            ) from error

    def _number(self, answer: Any) -> float:
        if answer is None:
            return math.nan
        if hasattr(answer, "item"):
            answer = answer.item()  # a number of numpy's or torch's
        if not isinstance(answer, numbers.Real) or not math.isfinite(answer):
            raise InputError(
                f"The reward function {self.reference!r} returned {answer!r:.80}, which is not a "
                "finite number.",
                hint="Return None for a completion that it cannot judge.",
            )
        return float(answer)


def _load(reference: str, cwd: Path) -> Callable[..., Any]:
    module, _, name = reference.partition(":")
    if str(cwd) not in sys.path:
        # Kept there: the function may import more of its neighbours when it is called.
        sys.path.insert(0, str(cwd))
    try:
        loaded = importlib.import_module(module)
    except (Exception, SystemExit) as error:  # importing runs a person's own code
        raise InputError(
            f"The reward function {reference!r} cannot be imported from {cwd}{_line_of(error)}: "
            f"{_words(error)}."
        ) from error
    found = getattr(loaded, name, None)
    if not callable(found):
        known = [n for n, v in vars(loaded).items() if inspect.isfunction(v) and n[0] != "_"]
        raise InputError(
            f"The module {module!r} has no function {name!r}.", hint=nearest(name, known)
        )
    return found  # type: ignore[no-any-return]  # callable() says no more of it


async def _await(answers: Any) -> Any:
    return await answers


def _plain(text: Text) -> Any:
    """A text as TRL hands it over."""
    if isinstance(text, str):
        return text
    return [{"role": turn.role, "content": turn.content} for turn in text]


def _words(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(".: \n")


def _line_of(error: BaseException) -> str:
    """Where a person's own code raised, when that is not our call of it."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None or last.tb_frame.f_code.co_filename == __file__:
        return ""
    file = Path(last.tb_frame.f_code.co_filename)
    return f" at {file.name}:{last.tb_lineno}" if file.suffix == ".py" else ""
