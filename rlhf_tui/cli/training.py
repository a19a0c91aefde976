"""`generate`, `score`, `evaluate` and `train KIND`: start a background run and follow it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import JsonOption, WorkspaceOption
from rlhf_tui.cli.flags import with_flags
from rlhf_tui.cli.recipes import before_training
from rlhf_tui.config.options import TRAINERS
from rlhf_tui.config.resolve import checked_options
from rlhf_tui.config.settings import load_settings
from rlhf_tui.errors import UsageError
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.runs.rendered import MOST_EXAMPLES
from rlhf_tui.workspace import find_workspace

TITLES: dict[RunKind, str] = {
    "generate": "Write completions for the workspace's prompts with a model.",
    "score": "Score a run's completions with a reward model, or estimate their KL.",
    "evaluate": "Measure a trained model on held-out rows.",
    "sft": "Fine-tune a model on demonstrations (SFT).",
    "rm": "Train a reward model on the rankings.",
    "ppo": "Improve a policy against rewards by PPO.",
    "dpo": "Learn from rankings directly, without a reward model, by DPO.",
    "kto": "Learn from thumbs directly, without a reward model, by KTO.",
    "rloo": "Improve a policy against rewards by RLOO, without a critic.",
    "grpo": "Improve a policy against rewards by GRPO, without a critic.",
}
EXPLAINED = (
    "\n\nThe run goes on in the background. By default its progress is followed here: Ctrl-C "
    "only stops following."
)

TitleOption = Annotated[str, typer.Option(metavar="TEXT", help="A name for the run, for people.")]
ConfigOption = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Options from a file like rlhf.toml.")
]
RecipeOption = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="A set of options for a situation, under all others: train --list-recipes.",
    ),
]
PriorityOption = Annotated[
    int,
    typer.Option(
        metavar="INT",
        help="Of runs that wait for a device the highest starts first.  [default: 0]",
        show_default=False,
    ),
]
DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Say what it would do: data, models, memory, steps, time; launch nothing."
    ),
]
ExamplesOption = Annotated[
    int,
    typer.Option(
        metavar="N",
        min=0,
        max=MOST_EXAMPLES,
        help="With --dry-run: N rows as the model will see them.  [default: 0]",
        show_default=False,
    ),
]
DetachOption = Annotated[
    bool, typer.Option("--detach", "-d", help="Return at once; do not follow.")
]


def register(app: typer.Typer) -> None:
    _add(app, "generate", panel="Label")
    train = pages.group(
        "Train a model: SFT, a reward model, PPO, DPO, KTO, RLOO or GRPO.", before_training
    )
    for kind in TITLES:
        if kind in TRAINERS:
            _add(train, kind, panel=None)
    app.add_typer(train, name="train", rich_help_panel="Train")
    _add(app, "score", panel="Train")
    _add(app, "evaluate", panel="Train")


def _add(app: typer.Typer, kind: RunKind, *, panel: str | None) -> None:
    text = TITLES[kind] + EXPLAINED
    body = _training(kind) if kind in TRAINERS else _other(kind)
    command = with_flags(kind, body)
    app.command(kind, cls=pages.Command, help=text, rich_help_panel=panel)(command)


def _training(kind: RunKind) -> Any:
    """The command of a kind that has recipes."""

    def body(
        *,
        recipe: RecipeOption = "",
        title: TitleOption = "",
        config: ConfigOption = None,
        priority: PriorityOption = 0,
        detach: DetachOption = False,
        dry_run: DryRunOption = False,
        examples: ExamplesOption = 0,
        json: JsonOption = False,
        workspace: WorkspaceOption = None,
        given: dict[str, Any],
    ) -> None:
        _start(kind, workspace, config, given, recipe=recipe, title=title, priority=priority,
               detach=detach, dry=dry_run, examples=examples, as_json=json)  # fmt: skip

    return body


def _other(kind: RunKind) -> Any:
    def body(
        *,
        title: TitleOption = "",
        config: ConfigOption = None,
        priority: PriorityOption = 0,
        detach: DetachOption = False,
        dry_run: DryRunOption = False,
        examples: ExamplesOption = 0,
        json: JsonOption = False,
        workspace: WorkspaceOption = None,
        given: dict[str, Any],
    ) -> None:
        _start(kind, workspace, config, given, title=title, priority=priority, detach=detach,
               dry=dry_run, examples=examples, as_json=json)  # fmt: skip

    return body


def _start(
    kind: RunKind,
    workspace: Path | None,
    config: Path | None,
    given: dict[str, Any],
    *,
    recipe: str = "",
    dry: bool = False,
    examples: int = 0,
    **settings: Any,
) -> None:
    """Resolve the options, refuse what cannot be before a hub is asked, and launch.

    Args:
        dry: print what would be done, and do nothing.
        examples: rows that are then rendered.
        settings: what `launching.launch` takes beside.

    Raises:
        UsageError: examples of a run that is launched.
    """
    if examples and not dry:
        raise UsageError("--examples goes with --dry-run.", hint="Add --dry-run to see them.")
    from rlhf_tui.cli.launching import launch
    from rlhf_tui.cli.previewing import dry_run

    place = find_workspace(workspace)
    arguments = checked_options(
        kind,
        load_settings(place),
        config_file=config,
        environ=os.environ,
        given=given,
        recipe=recipe,
    )
    if dry:
        raise typer.Exit(
            dry_run(
                place,
                kind,
                arguments,
                examples=examples,
                priority=settings["priority"],
                as_json=settings["as_json"],
            )
        )
    raise typer.Exit(launch(place, kind, arguments, recipe=recipe, **settings))
