"""Regular expressions that people type, none of which can hold a screen or a command for ever.

The syntax is Python's own, and `re` checks it. The `regex` package searches: it stops when its time
is up, where `re` would try all 2^n ways in which (a+)+$ does not match n letters. It is imported
with the first expression: a start is counted in milliseconds.
"""

from __future__ import annotations

import math
import re
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from rlhf_tui.errors import UsageError

MOST_S = 0.5
"""Seconds of the processor for one look at some texts: a piece of a log, the names of metrics."""
MARK_S = 0.05
"""… and for marking what was found in a line that is drawn."""
MOST_COUNTED = 100_000
"""Repetitions that are counted, as in a{1000}, multiplied: `regex` writes all of them out, and
((a{1000}){1000}){1000} would take all memory there is."""
_COUNTED = re.compile(r"\{(\d+)")
_ESCAPED = re.compile(r"\\.", re.DOTALL)


class TooSlow(UsageError):
    """An expression that was given up."""


class Pattern:
    """An expression without regard to case."""

    def __init__(self, query: str, expression: str) -> None:
        """
        Args:
            query: what was typed, for sentences.
            expression: what is searched for.

        Raises:
            re.error, OverflowError, RecursionError: it is none.
            UsageError: it counts further than can be searched for.
        """
        with warnings.catch_warnings():
            # Of signs that may mean something else in a later Python.
            warnings.simplefilter("ignore")
            re.compile(expression, re.IGNORECASE)
            counts = [int(digits[:9]) for digits in _COUNTED.findall(_ESCAPED.sub("", query))]
            if math.prod(filter(None, counts)) > MOST_COUNTED:
                raise UsageError(
                    f"{query!r} counts too far.",
                    hint=f"Its numbers in braces multiply to more than {MOST_COUNTED:,}.",
                )
            import regex

            try:
                self._found: Any = regex.compile(expression, regex.IGNORECASE)
            except regex.error as error:
                raise re.error(str(error)) from None
        self.query = query
        self.problem = ""
        """Why `holds` has given it up, as a sentence; empty while it has not."""
        self._spent = 0.0

    def search(self, text: str, most_s: float | None = None) -> bool:
        """Whether a text holds it.

        Raises:
            TooSlow: that takes longer than `most_s`, or else `MOST_S`.
        """
        return bool(self.places([text], most_s))

    def places(self, texts: Iterable[str], most_s: float | None = None) -> list[int]:
        """Which of the texts hold it, counted from 0.

        Args:
            most_s: seconds of the processor for all of them; None: `MOST_S`.

        Raises:
            TooSlow: they take longer.
        """
        most_s = MOST_S if most_s is None else most_s
        search: Callable[..., Any] = self._found.search
        watch, clock = time.monotonic, time.thread_time
        began, ask_at = clock(), watch() + most_s
        found = []
        try:
            for place, text in enumerate(texts):
                if search(text, timeout=most_s) is not None:
                    found.append(place)
                # The thread's own clock costs as much as a search: only once it could be too late.
                if watch() > ask_at:
                    left = most_s - (clock() - began)
                    if left <= 0:
                        raise TimeoutError
                    ask_at = watch() + left
        except TimeoutError:
            raise self._given_up() from None
        return found

    def among(self, names: Iterable[str]) -> list[str]:
        """Those of some names that hold it.

        Raises:
            TooSlow: as of `places`.
        """
        names = list(names)
        return [names[place] for place in self.places(names)]

    def holds(self, name: str) -> bool:
        """Whether a name holds it, for what is drawn again and again.

        Never, once all such questions together took too long: `problem` then says so.
        """
        if self.problem:
            return False
        began = time.thread_time()
        try:
            return self.search(name, max(MARK_S, MOST_S - self._spent))
        except TooSlow as error:
            self.problem = error.message
            return False
        finally:
            took = time.thread_time() - began
            # What is quick may be asked for ever.
            self._spent += took if took > MOST_S / 100 else 0.0
            if self._spent > MOST_S:
                self.problem = self._given_up().message

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where it stands in a text, from and to; [] where that takes too long."""
        try:
            found = list(self._found.finditer(text, timeout=MARK_S))
        except TimeoutError:
            return []
        return [match.span() for match in found if match.end() > match.start()]

    def _given_up(self) -> TooSlow:
        return TooSlow(
            f"{self.query!r} was given up: it takes too long to search for.",
            hint="A repetition within a repetition, as in (a+)+, is slow: write it without.",
        )


class AnyOf:
    """Several expressions, of which a name has to hold one."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        self.patterns = patterns

    def among(self, names: Iterable[str]) -> list[str]:
        """Those of some names that hold one of them.

        Raises:
            TooSlow: as of `Pattern.places`.
        """
        names = list(names)
        found = {name for pattern in self.patterns for name in pattern.among(names)}
        return [name for name in names if name in found]


Wanted = Pattern | AnyOf
"""What names are looked for by."""


def pattern(query: str) -> Pattern:
    """A text, or a regular expression, without regard to case.

    Raises:
        UsageError: neither; says what is wrong with it.
    """
    try:
        return Pattern(query, f"{re.escape(query)}|(?:{query})")
    except (re.error, OverflowError, RecursionError):
        pass
    try:
        Pattern(query, query)
        told = "cannot stand beside its own text"
    except (re.error, OverflowError, RecursionError) as error:
        told = str(error)
    raise UsageError(
        f"{query!r} is no regular expression: {told}.",
        hint="A backslash before a sign makes it plain text.",
    )
