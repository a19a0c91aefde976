"""`runs export`: what runs wrote, as a table for other programs or as charts for a paper."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rlhf_tui.cli.common import JsonOption, WorkspaceOption
from rlhf_tui.cli.output import say, say_json
from rlhf_tui.cli.run_charts import DEFAULT_SIZE, Wish, write_charts
from rlhf_tui.cli.run_files import STDOUT, free, ids, no_such_metric, opened
from rlhf_tui.cli.run_places import RunsArgument, places
from rlhf_tui.counting import count
from rlhf_tui.errors import InputError, NothingToDo, UsageError
from rlhf_tui.tracking.clock import XAxis
from rlhf_tui.tracking.exporting import Columns, Format, What
from rlhf_tui.tracking.patterns import AnyOf, pattern

TABLES: dict[str, Format] = {".parquet": "parquet", ".csv": "csv"}


def export(
    runs: RunsArgument,
    out: Annotated[
        list[str],
        typer.Option(
            metavar="FILE",
            help="The file to write: .parquet or .csv, with --chart .svg, .png or .pdf; - writes"
            " CSV or SVG to stdout.",
        ),
    ],
    what: Annotated[What, typer.Option(help="Which of the things that runs write.")] = "metrics",
    metrics: Annotated[
        list[str] | None,
        typer.Option(
            metavar="REGEX",
            help="Only metrics whose name holds this; repeated: one of these.",
            show_default=False,
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
        list[str] | None,
        typer.Option(
            metavar="REGEX",
            help="Draw the metrics whose name holds this, all runs in one chart each; repeated: in"
            " this order in one figure, or each in its own --out.",
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
    ] = DEFAULT_SIZE,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file if it is there.")
    ] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write what runs wrote as Parquet or CSV, or draw charts for a paper."""
    if STDOUT in out and (json or len(out) > 1):
        both = "--json and --out -" if json else "Several --out, one of them -,"
        raise UsageError(f"{both} would both write to stdout.", hint="Leave out one.")
    wish = Wish(x, smooth, log_y, size)
    if chart:
        if what != "metrics" or wide or metrics:
            raise UsageError(
                "--chart draws the metrics that it names; --what, --metrics and --wide are for"
                " tables.",
                hint="Leave them out.",
            )
        drawn = write_charts(runs, out, chart, wish, overwrite, workspace)
        if json:
            files = [{"path": path, "metrics": names} for path, names in drawn.items()]
            say_json(files[0] if len(files) == 1 else files)
        elif STDOUT not in out:
            for path, names in drawn.items():
                say(f"Drew {', '.join(names)} into {path}.")
        return
    wish.check_unused()
    if len(out) > 1:
        raise UsageError(
            f"{len(out)} files are named for one table.", hint="Give --out once a command."
        )
    rows = _table(runs, out[0], what, metrics or [], wide, overwrite, workspace)
    if json:
        say_json({"path": out[0], "what": what, "rows": rows})
    elif out[0] != STDOUT:
        say(f"Wrote {count(rows, 'row')} to {out[0]}.")


def _table(
    runs: Sequence[str],
    out: str,
    what: What,
    metrics: Sequence[str],
    wide: bool,
    overwrite: bool,
    workspace: Path | None,
) -> int:
    from rlhf_tui.tracking.exporting import write

    if what != "metrics" and (wide or metrics):
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
        free(out, overwrite)
    wanted = [pattern(query) for query in metrics]
    found = places(runs, workspace)
    table = _columns(found, ids(found), what, AnyOf(wanted) if wanted else None, wide)
    logged = set(table) - {"run_id", "step", "time"} if wide else set(table.get("metric", ()))
    for one in wanted:
        if not one.among(logged):
            raise no_such_metric(one.query, found)
    if not next(iter(table.values())):
        thing = "figures of the machine" if what == "machine" else what
        raise NothingToDo(f"{' and '.join(ids(found))} wrote no {thing}.")
    with opened(out) as file:
        return write(table, format, file)


def _columns(
    found: Sequence[Path], ids: Sequence[str], what: What, wanted: AnyOf | None, wide: bool
) -> Columns:
    from rlhf_tui.tracking.exporting import TABLES as MADE
    from rlhf_tui.tracking.exporting import long_table, wide_table

    named = list(zip(ids, found, strict=True))
    try:
        if what != "metrics":
            return MADE[what](named)
        return (wide_table if wide else long_table)(named, wanted)
    except OSError as error:
        raise InputError(f"{error.filename} cannot be read: {error.strerror}.") from None
