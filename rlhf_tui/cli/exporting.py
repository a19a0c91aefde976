"""`export` and `backup`: take data sets, or the whole store, out of a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, cast, get_args

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import JsonOption, WorkspaceOption, checked, connect
from rlhf_tui.cli.output import note, say, say_json
from rlhf_tui.counting import count
from rlhf_tui.dataset.spec import Aggregate, DatasetKind, DatasetSpec, PairMode
from rlhf_tui.errors import UsageError
from rlhf_tui.records import SPLITS, Split


def register(app: typer.Typer) -> None:
    app.command("export", cls=pages.Command, rich_help_panel="Data")(export)
    app.command("backup", cls=pages.Command, rich_help_panel="Data")(backup)


def export(
    kind: Annotated[
        DatasetKind, typer.Argument(help=f"Which data set: {', '.join(get_args(DatasetKind))}.")
    ],
    out: Annotated[
        Path, typer.Argument(metavar="OUT", help="The file to write: .parquet or .jsonl.")
    ],
    pairs: Annotated[
        PairMode,
        typer.Option(help="All pairs of a ranking with their weights, or one drawn from each."),
    ] = "all",
    split: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="train, validation, test or all; may be repeated. Else train and validation,"
            " of rankings all.",
        ),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Liked completions too: thumbs-up or best-ranked; may be repeated.",
        ),
    ] = None,
    aggregate: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="Several people's judgements of one item: all count, or one decision is made of"
            f" them. One of {', '.join(get_args(Aggregate))}.",
        ),
    ] = "all",
    min_agreement: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            help="Leave out what a smaller share of the deciders agrees on.",
            min=0,
            max=1,
        ),
    ] = 0.0,
    min_judgements: Annotated[
        int, typer.Option(metavar="INT", help="Leave out what fewer people decided.", min=1)
    ] = 1,
    gold: Annotated[
        bool, typer.Option("--gold", help="Judgements of gold items too; they measure people.")
    ] = False,
    annotator: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this person's judgements; may be repeated."),
    ] = None,
    run: Annotated[
        list[str] | None,
        typer.Option(metavar="RUN", help="Only completions of this generate run; may be repeated."),
    ] = None,
    form: Annotated[
        Literal["auto", "text", "messages"], typer.Option(help="How texts are written.")
    ] = "auto",
    limit: Annotated[
        int, typer.Option(metavar="INT", help="At most so many prompts; 0: all.", min=0)
    ] = 0,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write a data set for `datasets` and TRL, as Parquet or JSON Lines."""
    from rlhf_tui.exchange import format_of, stream_export, written_whole

    spec = DatasetSpec(
        kind=kind,
        pairs=pairs,
        splits=_splits(kind, split),
        include=checked(include, ["thumbs-up", "best-ranked"], "include"),
        aggregate=checked([aggregate], get_args(Aggregate), "aggregate")[0],
        min_agreement=min_agreement,
        min_judgements=min_judgements,
        gold=gold,
        annotators=list(annotator or []),
        runs=list(run or []),
        form=form,
        limit=limit,
    )
    format = format_of(out)
    # The file first: where it cannot be written, no hub needs to start.
    with written_whole(out) as file, connect(workspace) as client:
        made = stream_export(client, spec, format, file)
    if json:
        say_json({"path": str(out), "kind": kind, "rows": made.rows, "note": made.note})
        return
    say(f"Wrote {count(made.rows, 'row')} to {out}.")
    if made.note:
        note(made.note)
    if not split and "test" not in spec.splits:
        note("Without --split nothing of the test split is written; --split all takes that, too.")


def backup(
    out: Annotated[Path, typer.Argument(metavar="OUT", help="A new DuckDB file.")],
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Copy the store into a new DuckDB file, while people go on labelling."""
    from rlhf_tui.hub.messages import Backup, Done

    target = out.expanduser().absolute()
    if target.exists():
        raise UsageError(f"{out} exists already.", hint="Name a new file.")
    if not target.parent.is_dir():
        raise UsageError(f"There is no directory {target.parent}.")
    with connect(workspace) as client:
        client.call(Backup(path=str(target)), Done)
    if json:
        say_json({"path": str(target), "bytes": target.stat().st_size})
        return
    say(f"Wrote {target} ({target.stat().st_size / 1e6:.1f} MB).")


def _splits(kind: DatasetKind, chosen: list[str] | None) -> list[Split]:
    """The splits that were named; without any those to train on, of rankings all.

    A store is rebuilt from rankings, which name the split of each prompt: nothing may be missing.
    """
    if not chosen:
        return list(SPLITS) if kind == "rankings" else ["train", "validation"]
    checked(chosen, [*SPLITS, "all"], "split")
    return list(SPLITS) if "all" in chosen else cast("list[Split]", list(dict.fromkeys(chosen)))
