"""`push`: put a run's model, or a data set, on the Hugging Face Hub with a card."""

from __future__ import annotations

import tempfile
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast, get_args

import typer

from rlhf_tui.cli import pages
from rlhf_tui.cli.common import JsonOption, WorkspaceOption, checked, connect
from rlhf_tui.cli.output import is_terminal, note, say, say_json
from rlhf_tui.counting import count
from rlhf_tui.dataset.spec import Aggregate, DatasetKind, DatasetSpec
from rlhf_tui.errors import UsageError, nearest
from rlhf_tui.records import SPLITS, Split

if TYPE_CHECKING:
    from rlhf_tui.hub.client import HubClient
    from rlhf_tui.publishing.upload import Pushed, RepoKind, Repository

KINDS = get_args(DatasetKind)
DATA_PANEL = "Of a data set"


def register(app: typer.Typer) -> None:
    app.command("push", cls=pages.Command, rich_help_panel="Data")(push)


def push(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RUN|KIND",
            help="A run whose model is pushed (its id, the beginning of one, or 'latest'), or a"
            f" kind of data set: {', '.join(KINDS)}.",
        ),
    ],
    repo: Annotated[
        str,
        typer.Argument(metavar="REPO", help="NAMESPACE/NAME at the Hub; NAME alone for your own."),
    ],
    public: Annotated[
        bool, typer.Option("--public", help="Everyone may read it; a new one is private else.")
    ] = False,
    license: Annotated[
        str,
        typer.Option(metavar="ID", help="For the card, as in apache-2.0 or cc-by-4.0."),
    ] = "",
    message: Annotated[
        str, typer.Option("--message", "-m", metavar="TEXT", help="Of the change at the Hub.")
    ] = "",
    split: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="train, validation or test; may be repeated. Else all that have rows.",
            rich_help_panel=DATA_PANEL,
        ),
    ] = None,
    include: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Liked completions too: thumbs-up or best-ranked; may be repeated.",
            rich_help_panel=DATA_PANEL,
        ),
    ] = None,
    aggregate: Annotated[
        str,
        typer.Option(
            metavar="HOW",
            help="Several people's judgements of one item, as for export: one of"
            f" {', '.join(get_args(Aggregate))}.",
            rich_help_panel=DATA_PANEL,
        ),
    ] = "all",
    names: Annotated[
        bool,
        typer.Option(
            "--names",
            help="Leave the annotators' names in; they become numbers else.",
            rich_help_panel=DATA_PANEL,
        ),
    ] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Put a run's model, or a data set, on the Hugging Face Hub, with a card.

    The card says what it was made of: counts, agreement among annotators, figures, arguments,
    versions. New repositories are private. The token is HF_TOKEN's or that of `hf auth login`;
    HF_ENDPOINT names another Hub.
    """
    of_data = {"split": split, "include": include, "aggregate": aggregate != "all", "names": names}
    with connect(workspace) as client:
        if what in KINDS:
            spec = DatasetSpec(
                kind=cast("DatasetKind", what),
                include=checked(include, ["thumbs-up", "best-ranked"], "include"),
                aggregate=checked([aggregate], get_args(Aggregate), "aggregate")[0],
            )
            splits = cast("list[Split]", checked(split, SPLITS, "split")) or list(SPLITS)
            pushed = _push_data(client, spec, splits, repo, public, license, message, names)
        else:
            given = [name for name, value in of_data.items() if value]
            if given:
                raise UsageError(
                    f"--{given[0]} is for data sets, and {what!r} is none.",
                    hint=f"Data sets are: {', '.join(KINDS)}.",
                )
            pushed = _push_model(client, what, repo, public, license, message)
    if json:
        say_json(pushed)
        return
    for sentence in pushed.notes:
        note(sentence)
    who = "private" if pushed.private else "public"
    say(f"{pushed.url}  ({who}, {count(len(pushed.files), 'file')})")


def _push_model(
    client: HubClient, run: str, repo: str, public: bool, license: str, message: str
) -> Pushed:
    from rlhf_tui.publishing.cards import model_card
    from rlhf_tui.publishing.facts import model_facts, pushable_run
    from rlhf_tui.publishing.staging import MODEL_FILES, stage_model
    from rlhf_tui.runs import layout

    if get_close_matches(run, KINDS, cutoff=0.7):
        raise UsageError(
            f"{run!r} is neither a run nor a kind of data set.", hint=nearest(run, KINDS)
        )
    info = pushable_run(client, run)
    target = _repository(repo, "model")
    facts = model_facts(client, info, target.name, license)
    with tempfile.TemporaryDirectory(prefix="rlhf-tui-push-") as folder:
        stage_model(Path(info.directory) / layout.MODEL, Path(folder), model_card(facts))
        target.prepare(public=public)
        note(f"Pushing the model of {info.run_id} to {target.name} …")
        pushed = target.push(
            Path(folder),
            message=message or f"The model of {info.run_id}, by rlhf-tui",
            replaced=list(MODEL_FILES),
        )
    if facts.adapter and not facts.base_model:
        pushed.notes.append(
            "It is an adapter of a model that is not at the Hub: nobody else can load it. Train"
            " with merge_adapter = true to have a whole model."
        )
    return pushed


def _push_data(
    client: HubClient,
    spec: DatasetSpec,
    splits: list[Split],
    repo: str,
    public: bool,
    license: str,
    message: str,
    names: bool,
) -> Pushed:
    from rlhf_tui.hub.messages import GetGuidelines, Guidelines
    from rlhf_tui.publishing.cards import dataset_card
    from rlhf_tui.publishing.facts import DatasetFacts, agreement
    from rlhf_tui.publishing.staging import CARD, DATA_FILES, stage_data

    target = _repository(repo, "dataset")
    with tempfile.TemporaryDirectory(prefix="rlhf-tui-push-") as place:
        folder = Path(place)
        files, columns, notes = stage_data(client, spec, splits, folder, names=names)
        facts = DatasetFacts(
            repo=target.name,
            kind=spec.kind,
            splits=files,
            columns=columns,
            notes=notes,
            agreement=agreement(client),
            guidelines=client.call(GetGuidelines(), Guidelines).version,
            nameless=not names,
            license=license,
        )
        (folder / CARD).write_text(dataset_card(facts), encoding="utf-8")
        rows = sum(file.rows for file in files)
        target.prepare(public=public)
        note(f"Pushing {count(rows, 'row')} ({spec.kind}) to {target.name} …")
        return target.push(
            folder,
            message=message or f"{count(rows, 'row')} of {spec.kind}, by rlhf-tui",
            replaced=[DATA_FILES],
        )


def _repository(name: str, kind: RepoKind) -> Repository:
    from rlhf_tui.publishing import upload

    return upload.Repository(name, kind, show_progress=is_terminal())
