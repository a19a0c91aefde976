"""`hub start|stop|status`: for those who run the hub themselves; otherwise it starts by itself."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import JsonOption, WorkspaceOption
from rlhf_tui.cli.opening import workspace as workspace_of
from rlhf_tui.cli.output import note, say, say_json
from rlhf_tui.errors import Denied, HubError
from rlhf_tui.workspace import Workspace


def register(app: typer.Typer) -> None:
    group = pages.group("Start, stop and look at the process that owns the store.")
    group.command("start", cls=pages.Command)(start)
    group.command("stop", cls=pages.Command)(stop)
    group.command("status", cls=pages.Command)(status)
    app.add_typer(group, name="hub", rich_help_panel="Workspace")


def start(json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Start the hub, if it does not run."""
    _status(connect_started=True, json=json, place=workspace_of(workspace))


def stop(
    force: Annotated[
        bool, typer.Option("--force", help="Even while others are connected.")
    ] = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Stop the hub in good order; runs go on, and the next command starts it again."""
    from rlhf_tui.hub.autostart import answers
    from rlhf_tui.hub.client import HubClient
    from rlhf_tui.hub.messages import Done, Shutdown

    place = workspace_of(workspace)
    if not answers(place):
        say("The hub does not run.")
        return
    try:
        client = HubClient(place, autostart=False)
    except Denied:
        raise
    except HubError:
        # It takes connections but cannot be talked to: of another version, most likely.
        if not _end_by_signal(place) and answers(place):
            raise
    else:
        with client:
            client.call(Shutdown(force=force), Done)
    say("The hub has stopped.")


def _end_by_signal(place: Workspace) -> bool:
    """End a hub in good order without a word; False when it stays."""
    from rlhf_tui.hub.autostart import PATIENCE_S, RETRY_S, answers
    from rlhf_tui.hub.life import terminate

    deadline = time.monotonic() + PATIENCE_S
    if not terminate(place):
        return False
    while answers(place):
        if time.monotonic() > deadline:
            return False
        time.sleep(RETRY_S)
    return True


def status(json: JsonOption = False, workspace: WorkspaceOption = None) -> None:
    """Say whether the hub runs, for whom and with what; exit code 4 when it does not."""
    _status(connect_started=False, json=json, place=workspace_of(workspace))


def _status(*, connect_started: bool, json: bool, place: Workspace) -> None:
    from rlhf_tui.hub.client import HubClient
    from rlhf_tui.hub.messages import HubStatus, HubStatusAnswer

    with HubClient(place, autostart=connect_started) as client:
        answer = client.call(HubStatus(), HubStatusAnswer)
    if json:
        say_json(answer)
        return
    say(f"The hub of {answer.workspace} runs: process {answer.pid}, version {answer.version}.")
    say(f"clients {answer.clients}  runs active {answer.runs_active}, queued {answer.runs_queued}")
    say(f"events {answer.events}  store {answer.store_bytes / 1e6:.1f} MB")
    if answer.settings_trouble:
        say(f"settings: {answer.settings_trouble}")
    if answer.at_logout:
        note(answer.at_logout)
