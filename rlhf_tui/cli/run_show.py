"""`runs show`: all there is to know of a run."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlhf_tui.cli.common import JsonOption, WorkspaceOption, connect
from rlhf_tui.cli.output import say, say_json
from rlhf_tui.cli.run_names import RunArgument

if TYPE_CHECKING:
    from rlhf_tui.hub.messages import RunInfo

LOST = "lost"
"""What is said of a run that should be alive and gives no sign of it."""


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
        more: dict[str, Any] = {"learning_curve": curve, "evaluation": measured}
        document = msgspec.to_builtins(info)
        say_json(document | {name: value for name, value in more.items() if value is not None})
        return
    _said(info)
    if curve:
        say(curve.verdict)
    _facts(info)
    _made_with(info)
    if info.status and info.status.metrics:
        say("metrics")
        for name, number in info.status.metrics.items():
            say(f"  {name} = {number:.6g}")
    if measured is not None:
        say("\n".join(model_wording.lines(measured)))


def _said(info: RunInfo) -> None:
    """How it stands, and what people have said of it."""
    say(f"{info.run_id}  {LOST if info.lost else info.state}  {info.title}".rstrip())
    if info.current:
        say("Its model is the workspace's current policy.")
    if info.archived:
        say("It was put away: lists leave it out.")
    if info.message:
        say(info.message)
    for line in info.note.splitlines():
        _fact("note", line)
    if info.tags:
        _fact("tags", " ".join(info.tags))


def _facts(info: RunInfo) -> None:
    """Where its files lie, its moments, how far it came, and how it ended."""
    _fact("directory", info.directory)
    moments = {"created": info.created_ms, "started": info.started_ms, "ended": info.ended_ms}
    for label, when in moments.items():
        if when:
            _fact(label, moment(when))
    if info.status:
        _fact("step", f"{info.status.step} of {info.status.total_steps or '?'}")
    if info.priority:
        _fact("priority", str(info.priority))
    if info.exit:
        how = f"signal {info.exit.signal}" if info.exit.signal else f"code {info.exit.code}"
        _fact("exit", f"{how}{', out of memory' if info.exit.out_of_memory else ''}")


def _made_with(info: RunInfo) -> None:
    """What it began with."""
    from rlhf_tui.config.meanings import meaning

    if info.arguments is None:
        return
    for role, source in info.arguments.lineage.items():
        _fact("from", f"{role}: {source}")
    if info.arguments.recipe:
        _fact("recipe", info.arguments.recipe)
    say("arguments")
    for name, value in info.arguments.arguments.items():
        meant = meaning(info.arguments.kind, name, value)
        say(f"  {name} = {value}{f'  ({meant})' if meant else ''}")


def _fact(label: str, told: str) -> None:
    say(f"{label:<9}  {told}")


def moment(milliseconds: int) -> str:
    """A time as people of this machine's zone read it."""
    return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")
