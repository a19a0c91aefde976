"""`merge`: make a whole model of an adapter that a run saved alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import WorkspaceOption, connect
from rlhf_tui.cli.output import note, say
from rlhf_tui.errors import UsageError

LIMIT_S = 24 * 3600.0
"""A large model is read and written in minutes; a process that hangs is ended some day."""


def register(app: typer.Typer) -> None:
    app.command("merge", cls=pages.Command, rich_help_panel="Train")(merge)


def merge(
    source: Annotated[
        str,
        typer.Argument(
            metavar="RUN|PATH", help="A run trained with --no-merge-adapter, or an adapter folder."
        ),
    ],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.")],
    workspace: WorkspaceOption = None,
) -> None:
    """Merge an adapter into its base: a whole model that loads by itself."""
    from rlhf_tui.evaluation.worker_process import compute

    adapter = Path(source).absolute() if Path(source).is_dir() else _model_of(source, workspace)
    if out.exists() and not (out.is_dir() and not any(out.iterdir())):
        raise UsageError(f"{str(out)!r} is there already.", hint="Name a folder that is not.")
    note(f"Merging {adapter} …")
    compute(
        "rlhf_tui.training.merge",
        [str(adapter), str(out.absolute())],
        what="The merged model",
        limit_s=LIMIT_S,
    )
    say(str(out))


def _model_of(run: str, workspace: Path | None) -> Path:
    from rlhf_tui.hub.messages import RunAnswer, ShowRun
    from rlhf_tui.runs.layout import MODEL

    with connect(workspace) as client:
        info = client.call(ShowRun(run_id=run), RunAnswer).run
    model = Path(info.directory) / MODEL
    if not model.is_dir():
        raise UsageError(
            f"{info.run_id} ({info.state}) has no model.",
            hint="Wait until it has finished, or name one of its checkpoints' folders.",
        )
    return model
