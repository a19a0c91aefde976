"""Launch a background run through the hub, say what was decided, and follow it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.cli.follow import come_back, follow
from rlhf_tui.cli.output import note, say, say_json
from rlhf_tui.cli.reading import reading_shown
from rlhf_tui.errors import RunFailed
from rlhf_tui.evaluation import model_wording
from rlhf_tui.evaluation.model_report import Evaluation
from rlhf_tui.hub.client import HubClient
from rlhf_tui.hub.messages import Launch, Launched, RunInfo
from rlhf_tui.runs import layout
from rlhf_tui.runs.environment import carried, secrets
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.workspace import Workspace


def launch(
    workspace: Workspace,
    kind: RunKind,
    arguments: dict[str, Any],
    *,
    title: str,
    detach: bool,
    as_json: bool,
    recipe: str = "",
    priority: int = 0,
) -> int:
    """Start a run; returns the exit code: 0, or RunFailed's when it was followed to a bad end.

    Raises:
        RlhfError: the hub refused the launch.
        KeyboardInterrupt: after saying what goes on.
    """
    request = Launch(
        kind=kind,
        arguments=arguments,
        title=title,
        cwd=str(Path.cwd()),
        environment=carried(os.environ),
        secrets=secrets(os.environ),
        recipe=recipe,
        priority=priority,
    )
    with HubClient(workspace) as client:
        try:
            with reading_shown(workspace.runs, arguments.get("dataset", "")):
                launched = client.call(request, Launched)
        except KeyboardInterrupt:
            note("The hub goes on with the launch. See: rlhf-tui runs list")
            raise
        if detach and as_json:
            say_json(launched)
            return 0
        for sentence in launched.notes:
            note(sentence)
        if detach:
            say(launched.run_id)
            note(come_back(launched.run_id))
            return 0
        return ended(follow(client, launched), as_json=as_json)


def ended(run: RunInfo, *, as_json: bool) -> int:
    """Say how a followed run ended; returns the exit code.

    Raises:
        RunFailed: it failed or was stopped.
    """
    measured = layout.read(Path(run.directory) / layout.EVALUATION, Evaluation)
    if as_json:
        document = msgspec.to_builtins(run)
        say_json(document | ({"evaluation": measured} if measured is not None else {}))
        return 0 if run.state == "finished" else RunFailed.exit_code
    if run.state == "finished":
        say(f"{run.run_id} finished. {run.message}".rstrip())
        if measured is not None:
            say("\n".join(model_wording.lines(measured)))
        return 0
    if run.state == "stopped":
        raise RunFailed(
            f"{run.run_id} was stopped. {run.message}".rstrip(),
            hint=f"It goes on with: rlhf-tui runs resume {run.run_id}",
        )
    raise RunFailed(
        f"{run.run_id} failed: {run.message or 'it left no message'}",
        hint=f"Read its log: rlhf-tui runs logs {run.run_id}",
    )
