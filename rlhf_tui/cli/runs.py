"""`runs`: its commands, and `runs list`: background runs from the shell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, get_args

import typer

from rlhf_tui.cli import (
    pages,
    run_compare,
    run_control,
    run_delete,
    run_export,
    run_lineage,
    run_logs,
    run_marks,
    run_show,
)
from rlhf_tui.cli.common import JsonOption, WorkspaceOption, checked, connect
from rlhf_tui.cli.output import note, say_json, say_table
from rlhf_tui.cli.run_names import marked
from rlhf_tui.cli.run_show import LOST, moment

if TYPE_CHECKING:
    from rlhf_tui.hub.messages import RunInfo

MOST = 1_000
"""Runs that are looked through for those with a tag or in a state."""
WIDEST = 48
"""Characters of title and tags in a row; --json has all of it."""


def register(app: typer.Typer) -> None:
    group = pages.group("List, show, compare, export, control, mark and delete background runs.")
    # A priority or a number of places below 0 begins like an option.
    below_zero = {"ignore_unknown_options": True}
    group.command("list", cls=pages.Command)(list_runs)
    group.command("show", cls=pages.Command)(run_show.show)
    group.command("logs", cls=pages.Command)(run_logs.logs)
    group.command("compare", cls=pages.EachOnce)(run_compare.compare)
    group.command("lineage", cls=pages.Command)(run_lineage.lineage)
    group.command("export", cls=pages.EachOnce)(run_export.export)
    group.command("stop", cls=pages.Command)(run_control.stop)
    group.command("resume", cls=pages.Command)(run_control.resume)
    group.command("priority", cls=pages.Command, context_settings=below_zero)(run_control.priority)
    group.command("move", cls=pages.Command)(run_control.move)
    group.command("rename", cls=pages.Command)(run_marks.rename)
    group.command("note", cls=pages.Command)(run_marks.note)
    group.command("tag", cls=pages.Command)(run_marks.tag)
    group.command("promote", cls=pages.Command)(run_marks.promote)
    group.command("archive", cls=pages.Command)(run_marks.archive)
    group.command("delete", cls=pages.Command)(run_delete.delete)
    app.add_typer(group, name="runs", rich_help_panel="Train")


def list_runs(
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Only runs of this kind; may be repeated."),
    ] = None,
    state: Annotated[
        list[str] | None,
        typer.Option(
            metavar="STATE",
            help="Only runs that are queued, running, stopping, finished, stopped, failed or lost;"
            " may be repeated.",
        ),
    ] = None,
    tag: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG", help="Only runs with this tag; repeated: with all of them."),
    ] = None,
    archived: Annotated[
        bool, typer.Option("--archived", help="Also runs that were put away.")
    ] = False,
    limit: Annotated[
        int, typer.Option(metavar="INT", help="At most so many, newest first.", min=1)
    ] = 50,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List the runs, newest first."""
    from rlhf_tui.config.options import OPTIONS
    from rlhf_tui.hub.messages import ListRuns, RunList
    from rlhf_tui.runs.layout import State

    kinds = checked(kind, OPTIONS, "kind")
    states = checked(state, [*get_args(State), LOST], "state")
    tags = set(tag or [])
    asked = MOST if states or tags else limit
    with connect(workspace) as client:
        request = ListRuns(kinds=kinds, limit=asked, archived=archived)
        answer = client.call(request, RunList)
    runs = [
        run
        for run in answer.runs
        if tags <= set(run.tags)
        and (not states or run.state in states or (run.lost and LOST in states))
    ][:limit]
    if json:
        say_json(runs)
    elif runs:
        _print(runs)
        if answer.left_out and not (states or tags):
            older = "an older one" if answer.left_out == 1 else f"{answer.left_out} older ones"
            note(f"Not shown: {older}; --limit {limit + answer.left_out} lists all.")
    elif kinds or states or tags:
        note("There are no such runs.")
    else:
        note("There are no runs yet. Start one with: rlhf-tui generate, or rlhf-tui train sft")


def _print(runs: list[RunInfo]) -> None:
    from rlhf_tui.hub.watch import figures

    head = ["RUN", "STATE", "CREATED", "STEP", "TITLE", "LATEST"]
    rows = []
    for run in runs:
        step = ""
        if run.status:
            step = f"{run.status.step}/{run.status.total_steps or '?'}"
        told = figures(run.status.metrics) if run.status and run.state != "failed" else ""
        said = LOST if run.lost else str(run.state)
        if run.queue_position:
            said = f"queued {run.queue_position}"
            said += f", priority {run.priority}" if run.priority else ""
        title = marked(run)
        title = title if len(title) <= WIDEST else f"{title[: WIDEST - 3]}..."
        rows.append([run.run_id, said, moment(run.created_ms), step, title, told or run.message])
    if not any(row[4] for row in rows):
        head, rows = [*head[:4], head[5]], [[*row[:4], row[5]] for row in rows]
    say_table(head, rows)
