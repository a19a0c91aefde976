"""`runs export --chart`: curves of runs as figures for a paper."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf_tui.cli.output import note
from rlhf_tui.cli.run_files import STDOUT, free, no_such_metric, opened
from rlhf_tui.cli.run_places import places, read_all
from rlhf_tui.errors import UsageError
from rlhf_tui.tracking.clock import XAxis

if TYPE_CHECKING:
    from rlhf_tui.tracking.figures import Look

LARGEST_IN = 40.0
"""Inches of a chart's side: more is a slip of the keys."""
DEFAULT_SIZE = "6x4"


@dataclass(frozen=True)
class Wish:
    """How charts were asked for, as typed."""

    x: XAxis = "step"
    smooth: float = 0.0
    log_y: bool = False
    size: str = DEFAULT_SIZE

    def check_unused(self) -> None:
        """Raises UsageError where something of it was given: there is no chart."""
        given = {
            "--x": self.x != "step",
            "--smooth": self.smooth != 0,
            "--log-y": self.log_y,
            "--size": self.size != DEFAULT_SIZE,
        }
        for name, is_given in given.items():
            if is_given:
                raise UsageError(f"{name} is for a chart.", hint="Name one with --chart REGEX.")

    def look(self) -> Look:
        """The same, checked.

        Raises:
            UsageError: a smoothing or a size that cannot be.
        """
        from rlhf_tui.tracking.figures import Look

        if not 0 <= self.smooth < 1:
            raise UsageError(
                f"--smooth cannot be {self.smooth:g}.", hint="It lies in 0 to below 1: 0.9."
            )
        return Look(self.x, self.smooth, self.log_y, _inches(self.size))


def _inches(size: str) -> tuple[float, float]:
    try:
        width, height = map(float, size.lower().replace("×", "x").split("x"))
    except ValueError:
        width = height = math.nan
    if not (0.5 <= width <= LARGEST_IN and 0.5 <= height <= LARGEST_IN):
        raise UsageError(
            f"--size {size} is no width and height in inches.", hint="As in: --size 6x4"
        )
    return width, height


def write_charts(
    runs: Sequence[str],
    out: Sequence[str],
    charts: Sequence[str],
    wish: Wish,
    overwrite: bool,
    workspace: Path | None,
) -> dict[str, list[str]]:
    """Draw the metrics that the expressions name, in the order of these.

    Args:
        out: one file for all of them, or one for each expression.

    Returns:
        The metrics of each file.

    Raises:
        UsageError: as many files as neither; an expression that names no metric; a look or a file
            that cannot be.
    """
    from rlhf_tui.tracking.figures import charted, draw, ending_of
    from rlhf_tui.tracking.patterns import pattern

    if len(out) not in (1, len(charts)):
        raise UsageError(
            f"{len(out)} files are named for {len(charts)} --chart.",
            hint="Give --out once, for one figure, or once for each --chart.",
        )
    look = wish.look()
    endings = [".svg" if name == STDOUT else ending_of(Path(name)) for name in out]
    seen = set()
    for name in out:
        free(name, overwrite)
        place = Path(name).resolve()
        if place in seen:
            raise UsageError(f"{name} is named twice.", hint="Name a file for each chart.")
        seen.add(place)
    wanted = [pattern(query) for query in charts]
    found = places(runs, workspace)
    subjects = read_all(found)
    for one in wanted:
        if not charted(subjects, [one]):
            raise no_such_metric(one.query, found)
    groups = [[one] for one in wanted] if len(out) > 1 else [wanted]
    chosen = [charted(subjects, group) for group in groups]
    drawn = dict.fromkeys(name for names in chosen for name in names)
    for subject in subjects:
        absent = [name for name in drawn if not len(subject.series.get(name, ()))]
        if absent:
            note(f"{subject.run_id} logs no {', '.join(absent)}.")
    with ExitStack() as stack:
        # All or none of them: a file appears when the last one is drawn.
        files = [stack.enter_context(opened(name)) for name in out]
        for names, ending, file in zip(chosen, endings, files, strict=True):
            for told in draw(subjects, names, look, ending, file):
                note(told)
    return dict(zip(out, chosen, strict=True))
