"""Command-line flags made from the option structs: nothing about an option is written twice."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal, get_args, get_origin

import msgspec
import typer

from rlhf_tui.config import options
from rlhf_tui.config.options import OPTIONS
from rlhf_tui.config.template import default_of, described
from rlhf_tui.errors import UsageError

PANELS: dict[type[options.Options], str] = {
    options.GenerateOptions: "Generation",
    options.ScoreOptions: "Scoring",
    options.EvaluateOptions: "Evaluation",
    options.SFTOptions: "Supervised fine-tuning",
    options.RewardOptions: "Reward model",
    options.PPOOptions: "PPO",
    options.DPOOptions: "DPO",
    options.KTOOptions: "KTO",
    options.RLOOOptions: "RLOO",
    options.GRPOOptions: "GRPO",
    options.GroupOptions: "Groups of responses",
    options.OnlineOptions: "Rollouts and rewards",
    options.JudgementOptions: "Judgements",
    options.EpochOptions: "Length of the run",
    options.TrainOptions: "Model and optimizer",
    options.Options: "Machine",
}
"""The heading under which --help lists the options that a struct brings."""

SHORT = {"k": "-k"}
LONGEST_METAVAR = 52
"""Cells of choices side by side that stay on one line of 80, behind a long flag."""
ONE_OF_MANY = "NAME"


def with_flags(kind: str, body: Callable[..., None]) -> Callable[..., None]:
    """A command function whose parameters are `body`'s own and one for every option of a kind.

    `body` takes a keyword `given`: the options that were given on the command line, in their own
    names, and nothing else. A list given as one empty text is empty.
    """
    own = inspect.signature(body, eval_str=True)
    flags = list(parameters(kind))
    names = {flag.name for flag in flags}
    types = {field.name: _bare(field.type) for field in msgspec.structs.fields(OPTIONS[kind])}

    def command(**values: Any) -> None:
        given = {
            name: _list(name, value, types[name]) if isinstance(value, list) else value
            for name, value in values.items()
            if name in names and value is not None and value != []
        }
        body(**{k: v for k, v in values.items() if k not in names}, given=given)

    shared = [p for p in own.parameters.values() if p.name != "given"]
    signature = inspect.Signature([*shared, *flags])
    command.__signature__ = signature  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    command.__doc__ = body.__doc__
    return command


def parameters(kind: str) -> Iterator[inspect.Parameter]:
    """A keyword parameter, annotated for typer, for each option of a kind of run."""
    struct = OPTIONS[kind]
    fields = {field.name: field for field in msgspec.structs.fields(struct)}
    for name, field in sorted(fields.items(), key=lambda item: _panel_order(struct, item[0])):
        description, bounds, choices = described(field.type)
        default = default_of(field)
        shown = [] if default in ("", []) else [f"default: {_shown(default)}"]
        annotation = _bare(field.type)
        repeated = get_origin(annotation) is list
        extra = "; ".join([*bounds, *shown, *(["repeatable"] if repeated else [])])
        metavar = _metavar(annotation, choices)
        text = description or name.replace("_", " ").capitalize()
        if choices and metavar == ONE_OF_MANY:
            text = f"{text}: {', '.join(choices)}"
        text = f"{text}.  [{extra}]" if extra else f"{text}."
        yield inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=[] if repeated else None,
            annotation=Annotated[
                # As texts, of which an empty one is no number.
                list[str] if repeated else annotation | None,
                typer.Option(
                    *_declarations(name, annotation),
                    help=text,
                    metavar=metavar,
                    show_default=False,
                    rich_help_panel=PANELS[_home(struct, name)],
                ),
            ],
        )


def _list(name: str, texts: list[str], annotation: Any) -> list[Any]:
    """The items of a repeated option.

    Raises:
        UsageError: one is no number where numbers are taken.
    """
    if texts == [""]:
        return []
    if annotation != list[float]:
        return texts
    try:
        return [float(text) for text in texts]
    except ValueError:
        raise UsageError(
            f"--{name.replace('_', '-')} takes numbers, not {', '.join(map(repr, texts))}."
        ) from None


def _declarations(name: str, annotation: Any) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    if annotation is bool:
        return [f"{flag}/--no-{name.replace('_', '-')}"]
    return [SHORT[name], flag] if name in SHORT else [flag]


def _metavar(annotation: Any, choices: list[str]) -> str | None:
    """What stands behind the flag; of many choices a word, and the help text lists them."""
    joined = "|".join(choices)
    if choices:
        return joined if len(joined) <= LONGEST_METAVAR else ONE_OF_MANY
    if get_origin(annotation) is list:
        annotation = get_args(annotation)[0]
    return {int: "INT", float: "NUMBER", str: "TEXT"}.get(annotation)


def _shown(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, list):
        return ", ".join(map(str, default))
    return str(default)


def _bare(annotation: Any) -> Any:
    """The type without its bounds, which `resolve_options` checks for every source alike."""
    while hasattr(annotation, "__metadata__"):
        annotation = annotation.__origin__
    if get_origin(annotation) is list:
        inner = _bare(get_args(annotation)[0])
        # typer repeats plain types only; the choices are checked with the bounds.
        return list[str] if get_origin(inner) is Literal else list[inner]  # type: ignore[valid-type]
    return annotation


def _home(struct: type[options.Options], name: str) -> type[options.Options]:
    """The nearest struct that brings the option."""
    for parent in struct.__mro__:
        if name in inspect.get_annotations(parent):
            return parent
    raise TypeError(f"{struct.__name__} has no option {name}")


def _panel_order(struct: type[options.Options], name: str) -> tuple[int, int]:
    home = _home(struct, name)
    return struct.__mro__.index(home), list(home.__annotations__).index(name)
