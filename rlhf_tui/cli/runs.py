"""`runs list|show|logs|stop|resume|priority`: look after background runs from the shell."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import JsonOption, WorkspaceOption, checked, connect
from rlhf_tui.cli.output import note, say, say_json, say_table
from rlhf_tui.errors import NothingToDo

RunArgument = Annotated[
    str, typer.Argument(metavar="RUN", help="A run's id, the beginning of one, or 'latest'.")
]
LOG_POLL_S = 0.2


def register(app: typer.Typer) -> None:
    group = pages.group("List, show, stop, resume and reorder background runs.")
    group.command("list", cls=pages.Command)(list_runs)
    group.command("show", cls=pages.Command)(show)
    group.command("logs", cls=pages.Command)(logs)
    group.command("stop", cls=pages.Command)(stop)
    group.command("resume", cls=pages.Command)(resume)
    # A priority below 0 begins like an option.
    below_zero = {"ignore_unknown_options": True}
    group.command("priority", cls=pages.Command, context_settings=below_zero)(priority)
    app.add_typer(group, name="runs", rich_help_panel="Train")


def list_runs(
    kind: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND", help="Only runs of this kind; may be repeated."),
    ] = None,
    limit: Annotated[
        int, typer.Option(metavar="INT", help="At most so many, newest first.", min=1)
    ] = 50,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List the runs, newest first."""
    from rlhf_tui.config.options import OPTIONS
    from rlhf_tui.hub.messages import ListRuns, RunList
    from rlhf_tui.hub.watch import figures

    kinds = checked(kind, OPTIONS, "kind")
    with connect(workspace) as client:
        runs = client.call(ListRuns(kinds=kinds, limit=limit), RunList).runs
    if json:
        say_json(runs)
        return
    if not runs:
        note("There are no runs yet. Start one with: rlhf-tui generate, or rlhf-tui train sft")
        return
    rows = []
    for run in runs:
        step = ""
        if run.status:
            step = f"{run.status.step}/{run.status.total_steps or '?'}"
        told = figures(run.status.metrics) if run.status and run.state != "failed" else ""
        state = "lost" if run.lost else str(run.state)
        if run.queue_position:
            state = f"queued {run.queue_position}"
            state += f", priority {run.priority}" if run.priority else ""
        rows.append([run.run_id, state, moment(run.created_ms), step, told or run.message])
    say_table(["RUN", "STATE", "CREATED", "STEP", "LATEST"], rows)


def show(run: RunArgument, json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Show all there is to know of a run: how it stands, its arguments, where its files lie."""
    import msgspec

    from rlhf_tui.evaluation import model_wording
    from rlhf_tui.evaluation.model_report import Evaluation
    from rlhf_tui.evaluation.report import LearningCurve
    from rlhf_tui.hub.messages import RunAnswer, ShowRun
    from rlhf_tui.runs import layout

    with connect(workspace) as client:
        info = client.call(ShowRun(run_id=run), RunAnswer).run
    curve = layout.read(Path(info.directory) / layout.LEARNING_CURVE, LearningCurve)
    measured = layout.read(Path(info.directory) / layout.EVALUATION, Evaluation)
    if json:
        more = {"learning_curve": curve, "evaluation": measured}
        document = msgspec.to_builtins(info)
        say_json(document | {name: value for name, value in more.items() if value is not None})
        return
    say(f"{info.run_id}  {'lost' if info.lost else info.state}  {info.title}".rstrip())
    if info.message:
        say(info.message)
    if curve:
        say(curve.verdict)
    say(f"directory  {info.directory}")
    for label, when in (
        ("created", info.created_ms),
        ("started", info.started_ms),
        ("ended", info.ended_ms),
    ):
        if when:
            say(f"{label:<9}  {moment(when)}")
    if info.status:
        say(f"{'step':<9}  {info.status.step} of {info.status.total_steps or '?'}")
    if info.priority:
        say(f"{'priority':<9}  {info.priority}")
    if info.exit:
        how = f"signal {info.exit.signal}" if info.exit.signal else f"code {info.exit.code}"
        say(f"{'exit':<9}  {how}{', out of memory' if info.exit.out_of_memory else ''}")
    if info.arguments:
        for role, source in info.arguments.lineage.items():
            say(f"{'from':<9}  {role}: {source}")
        if info.arguments.recipe:
            say(f"{'recipe':<9}  {info.arguments.recipe}")
        say("arguments")
        for name, value in info.arguments.arguments.items():
            say(f"  {name} = {value}")
    if info.status and info.status.metrics:
        say("metrics")
        for name, number in info.status.metrics.items():
            say(f"  {name} = {number:.6g}")
    if measured is not None:
        say("\n".join(model_wording.lines(measured)))


def logs(
    run: RunArgument,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on as it grows, until the run is over.")
    ] = False,
    lines: Annotated[
        int, typer.Option("--lines", "-n", help="Only so many lines from the end; 0: all.", min=0)
    ] = 0,
    workspace: WorkspaceOption = None,
) -> None:
    """Print what a run wrote to its log."""
    import sys

    from rlhf_tui.hub.messages import RunAnswer, ShowRun
    from rlhf_tui.runs.layout import LOG

    with connect(workspace) as client:
        info = client.call(ShowRun(run_id=run), RunAnswer).run
        path = Path(info.directory) / LOG
        if not path.exists() and not follow:
            raise NothingToDo(f"{info.run_id} has written no log yet.", hint=f"It is {info.state}.")
        offset = _print_tail(path, lines)
        while follow:
            # Asked before reading: what was written up to the end is then read for certain.
            over = info.state in ("finished", "stopped", "failed")
            offset = _print_from(path, offset)
            sys.stdout.flush()
            if over:
                return
            time.sleep(LOG_POLL_S)
            info = client.call(ShowRun(run_id=info.run_id), RunAnswer).run


def stop(
    run: RunArgument,
    force: Annotated[
        bool, typer.Option("--force", help="Kill it at once, without a checkpoint.")
    ] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Stop a run: it writes a checkpoint first, and can be resumed."""
    from rlhf_tui.hub.messages import RunAnswer, StopRun

    with connect(workspace) as client:
        info = client.call(StopRun(run_id=run, force=force), RunAnswer).run
    if json:
        say_json(info)
        return
    say(f"{info.run_id} is {info.state}.")


def resume(
    run: RunArgument,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Return at once; do not follow.")
    ] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Go on with a stopped or failed run from its latest checkpoint."""
    from rlhf_tui.cli.follow import come_back
    from rlhf_tui.cli.follow import follow as follow_run
    from rlhf_tui.cli.launching import ended
    from rlhf_tui.hub.messages import Launched, ResumeRun
    from rlhf_tui.runs.environment import secrets

    request = ResumeRun(run_id=run, secrets=secrets(os.environ))
    with connect(workspace) as client:
        launched = client.call(request, Launched)
        for sentence in launched.notes:
            note(sentence)
        if not detach:
            raise typer.Exit(ended(follow_run(client, launched), as_json=json))
    if json:
        say_json(launched)
        return
    say(launched.run_id)
    note(come_back(launched.run_id))


def priority(
    run: RunArgument,
    number: Annotated[
        int,
        typer.Argument(metavar="N", help="The highest starts first; 0 is usual, below 0 is later."),
    ],
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Change when a queued run gets its turn."""
    from rlhf_tui.hub.messages import RunAnswer, SetPriority

    with connect(workspace) as client:
        info = client.call(SetPriority(run_id=run, priority=number), RunAnswer).run
    if json:
        say_json(info)
        return
    place = f": number {info.queue_position} in the queue" if info.queue_position else ""
    say(f"{info.run_id} has priority {info.priority}{place}.")


def moment(milliseconds: int) -> str:
    """A time as people of this machine's zone read it."""
    return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _print_tail(path: Path, lines: int) -> int:
    """Print the last lines, or all for 0; returns the offset to go on from."""
    if not path.exists():
        return 0
    if not lines:
        return _print_from(path, 0)
    data = path.read_bytes()
    text = data.decode(errors="replace").splitlines()
    for line in text[-lines:]:
        say(line)
    return len(data)


def _print_from(path: Path, offset: int) -> int:
    """Print whole lines from a byte offset on; returns the offset behind the last one."""
    if not path.exists():
        return offset
    with path.open("rb") as file:
        file.seek(offset)
        for line in file:
            if not line.endswith(b"\n"):
                break
            say(line.decode(errors="replace").rstrip("\n"))
            offset += len(line)
    return offset
