"""`runs export`: what runs wrote, as a table for other programs or a chart for a paper."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO

import typer

from rlhf_tui.cli.common import JsonOption, WorkspaceOption
from rlhf_tui.cli.output import note, say, say_json
from rlhf_tui.cli.run_places import RunsArgument, places, read_all
from rlhf_tui.errors import NothingToDo, UsageError, nearest
from rlhf_tui.tracking.clock import XAxis
from rlhf_tui.tracking.exporting import Columns, Format, What

STDOUT = "-"
TABLES: dict[str, Format] = {".parquet": "parquet", ".csv": "csv"}
LARGEST_IN = 40.0
"""Inches of a chart's side: more is a slip of the keys."""


def export(
    runs: RunsArgument,
    out: Annotated[
        str,
        typer.Option(
            metavar="FILE",
            help="The file to write: .parquet or .csv, with --chart .svg, .png or .pdf; - writes"
            " CSV or SVG to stdout.",
        ),
    ],
    what: Annotated[What, typer.Option(help="Which of the things that runs write.")] = "metrics",
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX", help="Only metrics whose name holds this.", show_default=False
        ),
    ] = None,
    wide: Annotated[
        bool,
        typer.Option(
            "--wide/--long",
            help="A row a step and a column a metric, or a row a value, which suits runs that log"
            " different things.",
        ),
    ] = False,
    chart: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Draw the metrics whose name holds this, all runs in one chart each.",
            show_default=False,
        ),
    ] = None,
    x: Annotated[XAxis, typer.Option(help="What the curves of a chart stand over.")] = "step",
    smooth: Annotated[
        float,
        typer.Option(
            metavar="NUMBER",
            help="Weight of the past in a moving average, 0 to below 1, drawn over the values.",
        ),
    ] = 0.0,
    log_y: Annotated[bool, typer.Option("--log-y", help="A logarithmic y axis.")] = False,
    size: Annotated[
        str, typer.Option(metavar="WxH", help="Inches of a chart, width and height.")
    ] = "6x4",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it is there.")
    ] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write what runs wrote as Parquet or CSV, or draw a chart for a paper."""
    if json and out == STDOUT:
        raise UsageError("--json and --out - would both write to stdout.", hint="Leave out one.")
    if chart is None:
        _only_with_chart(x=x != "step", smooth=smooth != 0, log_y=log_y, size=size != "6x4")
        rows = _table(runs, out, what, metrics, wide, overwrite, workspace)
        if json:
            say_json({"path": out, "what": what, "rows": rows})
        elif out != STDOUT:
            say(f"Wrote {rows:,} rows to {out}.")
        return
    if what != "metrics" or wide or metrics is not None:
        raise UsageError(
            "--chart draws the metrics that it names; --what, --metrics and --wide are for tables.",
            hint="Leave them out.",
        )
    names = _chart(runs, out, chart, (x, smooth, log_y, size), overwrite, workspace)
    if json:
        say_json({"path": out, "metrics": names})
    elif out != STDOUT:
        say(f"Drew {', '.join(names)} into {out}.")


def _only_with_chart(**given: bool) -> None:
    for name, is_given in given.items():
        if is_given:
            raise UsageError(
                f"--{name.replace('_', '-')} is for a chart.", hint="Name one with --chart REGEX."
            )


def _table(
    runs: Sequence[str],
    out: str,
    what: What,
    metrics: str | None,
    wide: bool,
    overwrite: bool,
    workspace: Path | None,
) -> int:
    from rlhf_tui.tracking.exporting import write

    if what != "metrics" and (wide or metrics is not None):
        raise UsageError(
            f"--wide and --metrics are for metrics, and not for {what}.", hint="Leave them out."
        )
    format: Format = "csv"
    if out != STDOUT:
        ending = Path(out).suffix.lower()
        if ending not in TABLES:
            raise UsageError(
                f"{out} ends neither in .parquet nor in .csv.",
                hint="Name it so, or draw a picture with --chart REGEX.",
            )
        format = TABLES[ending]
        _free(out, overwrite)
    found = places(runs, workspace)
    table = _columns(found, _ids(found), what, metrics, wide)
    if not next(iter(table.values())):
        if metrics is not None:
            raise _no_such_metric(metrics, found)
        thing = "figures of the machine" if what == "machine" else what
        raise NothingToDo(f"{' and '.join(_ids(found))} wrote no {thing}.")
    with _opened(out) as file:
        return write(table, format, file)


def _columns(
    found: Sequence[Path], ids: Sequence[str], what: What, metrics: str | None, wide: bool
) -> Columns:
    from rlhf_tui.errors import InputError
    from rlhf_tui.tracking.exporting import TABLES as MADE
    from rlhf_tui.tracking.exporting import long_table, wide_table
    from rlhf_tui.tracking.patterns import pattern

    wanted = pattern(metrics) if metrics is not None else None
    named = list(zip(ids, found, strict=True))
    try:
        if what != "metrics":
            return MADE[what](named)
        return (wide_table if wide else long_table)(named, wanted)
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}.") from None


def _ids(found: Sequence[Path]) -> list[str]:
    """Names of the runs: their directories', or whole paths where two are the same."""
    names = [path.name for path in found]
    return names if len(set(names)) == len(names) else [str(path) for path in found]


def _chart(
    runs: Sequence[str],
    out: str,
    chart: str,
    look: tuple[XAxis, float, bool, str],
    overwrite: bool,
    workspace: Path | None,
) -> list[str]:
    from rlhf_tui.tracking.figures import Look, charted, draw, ending_of
    from rlhf_tui.tracking.patterns import pattern

    x, smooth, log_y, size = look
    if not 0 <= smooth < 1:
        raise UsageError(f"--smooth cannot be {smooth:g}.", hint="It lies in 0 to below 1: 0.9.")
    how = Look(x, smooth, log_y, _inches(size))
    ending = ".svg"
    if out != STDOUT:
        ending = ending_of(Path(out))
        _free(out, overwrite)
    wanted = pattern(chart)
    found = places(runs, workspace)
    subjects = read_all(found)
    names = charted(subjects, wanted)
    if not names:
        raise _no_such_metric(chart, found)
    for subject in subjects:
        absent = [name for name in names if not len(subject.series.get(name, ()))]
        if absent:
            note(f"{subject.run_id} logs no {', '.join(absent)}.")
    with _opened(out) as file:
        draw(subjects, names, how, ending, file)
    return names


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


def _no_such_metric(wanted: str, found: Sequence[Path]) -> UsageError:
    from rlhf_tui.tracking.exporting import read_curves

    names = sorted({name for place in found for name in read_curves(place)})
    if not names:
        return UsageError(f"{' and '.join(_ids(found))} logged no metrics.")
    return UsageError(f"No metric's name holds {wanted!r}.", hint=nearest(wanted, names))


def _free(out: str, overwrite: bool) -> None:
    """Raises UsageError where something is there already."""
    if Path(out).exists() and not overwrite:
        raise UsageError(
            f"{out} exists already.", hint="Name a new file, or replace it with --overwrite."
        )


@contextmanager
def _opened(out: str) -> Iterator[BinaryIO]:
    """Standard output, or a file that appears under its name only when it is whole."""
    from rlhf_tui.exchange import written_whole

    if out == STDOUT:
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with written_whole(Path(out)) as file:
        yield file
