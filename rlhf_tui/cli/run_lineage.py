"""`runs lineage`: where a run comes from and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rlhf_tui.cli.common import JsonOption, WorkspaceOption, connect
from rlhf_tui.cli.output import say, say_json
from rlhf_tui.cli.run_places import RUNS_HELP, by_path

if TYPE_CHECKING:
    from rlhf_tui.hub.messages import RunInfo
    from rlhf_tui.tracking.lineage import Known, Node

MOST = 100_000
"""Runs of a workspace that are asked for: all."""


def lineage(
    run: Annotated[str, typer.Argument(metavar="RUN", help=RUNS_HELP)],
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Show where a run comes from and what came of it, from prompts to policy."""
    from rlhf_tui.hub.messages import ListRuns, RunAnswer, RunList, ShowRun
    from rlhf_tui.screens.widgets.canvas import unicode_terminal
    from rlhf_tui.tracking.labelled import can_tell, labelled
    from rlhf_tui.tracking.lineage import (
        branch,
        flat,
        read_known,
        read_workspace,
        tree,
        with_judged,
    )

    infos: dict[str, RunInfo] = {}
    place = by_path(run)
    if place is None:
        with connect(workspace) as client:
            chosen = client.call(ShowRun(run_id=run), RunAnswer).run
            place = Path(chosen.directory)
            runs = client.call(ListRuns(limit=MOST, archived=True), RunList).runs
            infos = {info.run_id: info for info in [*runs, chosen]}
    itself = read_known(place)
    run_id = itself.arguments.run_id if itself else place.name
    known = read_workspace(place.parent)
    if can_tell(place.parent, known):
        known = with_judged(known, labelled(place.parent, known))
    roots = tree(run_id, known)
    if json:
        say_json({"run_id": run_id, "roots": [_branch(node, known, infos) for node in roots]})
        return
    plain = not unicode_terminal()
    for path, node in flat(roots):
        say(branch(path, ascii_only=plain) + _line(node, known, infos))


def _line(node: Node, known: Mapping[str, Known], infos: Mapping[str, RunInfo]) -> str:
    from rlhf_tui.screens.widgets.chart_axes import number

    words = [f"{node.name}{' (this one)' if node.chosen else ''}"]
    words += [node.told] if node.told else []
    words += node.beside
    info, made = infos.get(node.name), known.get(node.name)
    if info is not None:
        words += [str(info.state)] if info.state != "finished" else []
        words += ["archived"] if info.archived else []
        words += ["the current policy"] if info.current else []
    if made is not None and made.status is not None and (name := made.key_figure):
        words.append(f"{name} {number(made.status.metrics[name])}")
    return "; ".join(words)


def _branch(node: Node, known: Mapping[str, Known], infos: Mapping[str, RunInfo]) -> dict[str, Any]:
    """A node and all below it, for scripts."""
    told: dict[str, Any] = {"node": node.kind, "name": node.name}
    made, info = known.get(node.name), infos.get(node.name)
    if made is not None and node.kind == "run":
        told |= {"kind": made.arguments.kind, "parents": made.parents, "bases": made.bases}
        if made.manifest is not None:
            told |= {"rows": made.manifest.rows, "last_event": made.manifest.last_seq}
    if info is not None:
        told |= {"state": info.state, "archived": info.archived, "current": info.current}
    return told | {"children": [_branch(child, known, infos) for child in node.children]}
