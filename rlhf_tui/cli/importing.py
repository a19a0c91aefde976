"""`import`: bring prompts, completions and judgements in from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import (
    JsonOption,
    WorkspaceOption,
    checked,
    connect,
)
from rlhf_tui.cli.opening import annotator_name
from rlhf_tui.cli.opening import workspace as workspace_of
from rlhf_tui.cli.output import note, say, say_error, say_json, say_table
from rlhf_tui.config.settings import LabelSettings, load_settings
from rlhf_tui.counting import count
from rlhf_tui.errors import InputError, UsageError
from rlhf_tui.records import SPLITS, Split

if TYPE_CHECKING:
    from rlhf_tui.exchange import Imported
    from rlhf_tui.hub.client import HubClient


def register(app: typer.Typer) -> None:
    app.command("import", cls=pages.Command, rich_help_panel="Data")(import_files)


def import_files(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="FILE", help="JSONL (also .gz), JSON, CSV, Parquet or text files."),
    ] = None,
    format: Annotated[
        str, typer.Option(metavar="NAME", help="The files' format; auto tells it from columns.")
    ] = "auto",
    annotator: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Whose judgements the files' preferences are; else a name made of the file's.",
        ),
    ] = None,
    split: Annotated[
        str, typer.Option(metavar="NAME", help="train, validation or test; auto: by a hash.")
    ] = "auto",
    overlap: Annotated[
        int | None,
        typer.Option(
            metavar="INT",
            min=1,
            help="People wanted for each new ranking and thumb; whose judgement is in the file "
            "counts as one of them.",
        ),
    ] = None,
    gold: Annotated[
        bool,
        typer.Option(
            "--gold",
            help="Rankings, preferences and thumbs in the files are known answers, to measure "
            "people by, and nobody's judgements.",
        ),
    ] = False,
    formats: Annotated[
        bool, typer.Option("--formats", help="List the known formats and leave.")
    ] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Bring in prompts, completions, demonstrations, rankings and thumbs from files.

    What is in the workspace already is not added again. Rows that cannot be taken are listed,
    with line and reason, in a file under the workspace's imports/.
    """
    if formats:
        list_formats(json)
        return
    if not files:
        raise UsageError("No file is named.", hint="rlhf-tui import FILE…")
    if gold and annotator is not None:
        raise UsageError("--gold takes no --annotator: known answers are nobody's judgements.")
    checked([split], ["auto", *SPLITS], "split")
    forced = None if split == "auto" else cast("Split", split)
    name = annotator_name(annotator)
    label = load_settings(workspace_of(workspace)).label
    if overlap is not None:
        label = LabelSettings(overlap=overlap, thumbs_overlap=overlap)
    done: list[Imported] = []
    with connect(workspace) as client:
        for path in files:
            imported = _one(client, path, format, name, forced, label, gold, overlap or 1)
            if imported is not None:
                done.append(imported)
    if json:
        say_json(done)
    else:
        summarise(done)
    if len(done) < len(files):
        raise typer.Exit(InputError.exit_code)


def _one(
    client: HubClient,
    path: Path,
    format: str,
    annotator: str | None,
    split: Split | None,
    label: LabelSettings,
    gold: bool,
    judged_overlap: int,
) -> Imported | None:
    """Import a file with a counter on the terminal; None after saying why it cannot be."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from rlhf_tui.exchange import import_file

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as p:
        task = p.add_task(path.name, total=None)
        try:
            return import_file(
                client,
                path,
                label=label,
                format=format,
                annotator=annotator,
                split=split,
                gold=gold,
                judged_overlap=judged_overlap,
                on_rows=lambda rows: p.update(
                    task, description=f"{path.name}: {count(rows, 'row')}"
                ),
            )
        except InputError as error:
            say_error(error.message, error.hint)
            return None


def summarise(done: list[Imported]) -> None:
    """A line a kind of record: what was added, and what was there already."""
    for one in done:
        say(f"{one.path}: {one.format}, {count(one.rows, 'row')} taken, {one.rejected} rejected")
        rows = [
            [name, str(getattr(one.added, name)), str(getattr(one.duplicates, name))]
            for name in one.added.__struct_fields__
            if getattr(one.added, name) or getattr(one.duplicates, name)
        ]
        names = {"tasks": "to judge", "events": "judgements"}
        rows = [[f"  {names.get(row[0], row[0])}", *row[1:]] for row in rows]
        say_table(["", "added", "already there"], rows)
        if one.gold:
            note(f"Items with a known answer from it: {one.gold}")
        if one.rejects:
            note(f"The rejected rows, with their reasons: {one.rejects}")
        if one.unread:
            note(f"Columns not used: {', '.join(one.unread)}")


def list_formats(json: bool) -> None:
    """The formats that files may be in, with the columns that tell them."""
    from rlhf_tui.formats.registry import FORMATS

    if json:
        say_json(
            [{"name": f.name, "columns": sorted(f.required), "about": f.about} for f in FORMATS]
        )
        return
    say_table(
        ["FORMAT", "COLUMNS", "WHAT IT IS"],
        [[f.name, ", ".join(sorted(f.required)), f.about] for f in FORMATS],
    )
