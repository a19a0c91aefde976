"""`runs rename|note|tag|archive|promote`: what people say of runs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rlhf_tui.cli.common import JsonOption, WorkspaceOption, connect
from rlhf_tui.cli.output import say, say_json
from rlhf_tui.cli.run_names import RUN_HELP, RunArgument, SeveralRuns, marked, named
from rlhf_tui.errors import NothingToDo, UsageError
from rlhf_tui.runs.naming import LONGEST_NOTE, LONGEST_TAG, LONGEST_TITLE, MOST_TAGS, check_tag


def rename(
    run: RunArgument,
    title: Annotated[
        str,
        typer.Argument(
            metavar="TITLE", help=f"One line, {LONGEST_TITLE} characters at most; '' for none."
        ),
    ],
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Give a run another title; its id stays."""
    from rlhf_tui.hub.messages import EditRun, RunAnswer

    with connect(workspace) as client:
        info = client.call(EditRun(run_id=run, title=title), RunAnswer).run
    if json:
        say_json(info)
        return
    say(f"{info.run_id} is {info.title!r} now." if info.title else f"{info.run_id} has no title.")


def note(
    run: RunArgument,
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="TEXT",
            help=f"The new note, {LONGEST_NOTE} characters at most; - reads it from stdin,"
            " '' removes it.",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Write a note on a run; without a text, print the one that it has."""
    from rlhf_tui.hub.messages import EditRun, RunAnswer

    if text == "-":
        text = _stdin()
    with connect(workspace) as client:
        if text is None:
            [info] = named(client, [run])
        else:
            info = client.call(EditRun(run_id=run, note=text), RunAnswer).run
    if json:
        say_json(info)
    elif text is not None:
        say(f"{info.run_id} has {'a note' if info.note else 'no note'} now.")
    elif info.note:
        say(info.note)
    else:
        raise NothingToDo(
            f"{info.run_id} has no note.",
            hint=f"Write one: rlhf-tui runs note {info.run_id} 'what it was for'",
        )


def _stdin() -> str:
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise UsageError("What was read from stdin is no UTF-8 text.") from error


def tag(
    runs: SeveralRuns,
    add: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TAG",
            help=f"One word, {LONGEST_TAG} characters at most; may be repeated, a run has"
            f" {MOST_TAGS} at most.",
        ),
    ] = None,
    drop: Annotated[
        list[str] | None,
        typer.Option(metavar="TAG", help="Take this tag off; may be repeated."),
    ] = None,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Tag runs, and take tags off.

    As in: runs tag sft-0003 ppo-0001 --add good --drop draft. Without --add and --drop, print the
    tags that they have. 'runs list --tag TAG' finds them.
    """
    from rlhf_tui.hub.messages import EditRun, RunAnswer

    add, drop = add or [], drop or []
    for word in [*add, *drop]:
        check_tag(word)
    with connect(workspace) as client:
        found = named(client, runs)
        if add or drop:
            changes = [EditRun(run.run_id, add_tags=add, drop_tags=drop) for run in found]
            found = [client.call(change, RunAnswer).run for change in changes]
    if json:
        say_json(found)
        return
    for run in found:
        say(f"{run.run_id}: {' '.join(run.tags) or 'no tags'}")


def archive(
    runs: SeveralRuns,
    undo: Annotated[bool, typer.Option("--undo", help="Take them back into the lists.")] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Put runs away: lists leave them out.

    All else stays as it is, and 'runs list --archived' shows them, too.
    """
    from rlhf_tui.hub.messages import EditRun, RunAnswer

    with connect(workspace) as client:
        changes = [EditRun(run.run_id, archived=not undo) for run in named(client, runs)]
        found = []
        for change in changes:
            found.append(client.call(change, RunAnswer).run)
            if not json:
                word = "is put away" if found[-1].archived else "is back in the lists"
                say(f"{found[-1].run_id} {word}.")
    if json:
        say_json(found)


def promote(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help=RUN_HELP, show_default=False)
    ] = None,
    none: Annotated[
        bool, typer.Option("--none", help="Take the promotion back: there is no current policy.")
    ] = False,
    json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """Make a run's model the workspace's current policy.

    'generate' then writes with it when no model is named, and 'current' names it wherever a
    model can be named, as in 'train dpo --model current'. Without a run, tell which it is.
    """
    from rlhf_tui.hub.messages import PromoteRun, RunAnswer

    if run is not None and none:
        raise UsageError("A run and --none are both given.", hint="Give one of them.")
    with connect(workspace) as client:
        if run is None and not none:
            [info] = named(client, ["current"])
        else:
            request = PromoteRun(run_id=run or "current", demote=none)
            info = client.call(request, RunAnswer).run
    if json:
        say_json(info)
    elif none:
        say(f"{info.run_id} is no longer the current policy: there is none.")
    elif run is None:
        say(f"{info.run_id}  {marked(info)}")
    else:
        say(f"{info.run_id} is the current policy now.")
