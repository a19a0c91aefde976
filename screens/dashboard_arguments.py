"""A run's arguments as rows, and what was measured of its model: what was set stands out."""

from __future__ import annotations

from typing import Any

import msgspec

from rlhf_tui.config.options import OPTIONS
from rlhf_tui.evaluation.model_report import Evaluation
from rlhf_tui.evaluation.model_wording import lines
from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.runs.layout import RunArguments
from rlhf_tui.screens.dashboard_pane import Pane, Seen
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.log_view import PagedView
from rlhf_tui.screens.widgets.text import clean


class ArgumentsPane(PagedView, Pane):
    """The chosen run's arguments, read when another run is chosen and when it has ended."""

    TITLE = "arguments"

    def __init__(self, glyphs: Glyphs = UNICODE) -> None:
        super().__init__(glyphs, follow=False)
        self._of: tuple[str, str] | None = None

    def tell(self, seen: Seen) -> None:
        if seen.run is None:
            return
        info = seen.run.info
        if seen.batch is not None and self._of == (info.run_id, info.state):
            return
        self._of = (info.run_id, info.state)
        self.run_worker(self._read(seen, info), group="arguments", exclusive=True)

    async def _read(self, seen: Seen, info: RunInfo) -> None:
        arguments = await seen.source.details(info)
        measured = await seen.source.measured(info)
        self.fill(argument_rows(info, arguments, measured, self.glyphs))

    def line(self, by: int) -> None:
        self.move(by)


def argument_rows(
    info: RunInfo, arguments: RunArguments | None, measured: Evaluation | None, glyphs: Glyphs
) -> list[Row]:
    """Rows of name and value, grouped; figures on held-out rows first, where there are any."""
    rows = _argument_rows(info, arguments, glyphs)
    if measured is None:
        return rows
    first, *others = lines(measured)
    told: list[Row] = [[(clean(line, encoding=glyphs.encoding).text, "")] for line in others]
    return [[(first, "accent")], *told, [], *rows]


def _argument_rows(info: RunInfo, arguments: RunArguments | None, glyphs: Glyphs) -> list[Row]:
    rows: list[Row] = [*_group("run", {"directory": info.directory}, glyphs)]
    if arguments is None:
        return [*rows, [], [("Its arguments cannot be read.", "dim")]]
    facts = {
        "device": arguments.device,
        "recipe": arguments.recipe,
        "started in": arguments.cwd,
        **arguments.environment,
    }
    rows = _group("run", {"directory": info.directory, **facts}, glyphs)
    if arguments.lineage:
        rows += [[], *_group("starts from", arguments.lineage, glyphs)]
    rows += [[], [("arguments", "accent"), ("   those that differ from the default first", "dim")]]
    defaults = default_values(arguments.kind)
    changed = {k: v for k, v in arguments.arguments.items() if defaults.get(k, v) != v}
    same = {k: v for k, v in arguments.arguments.items() if k not in changed}
    for name, value in changed.items():
        row = _pair(name, value, glyphs, "strong")
        rows.append([*row, (f"   default {_text(defaults[name], glyphs)}", "dim")])
    rows += [_pair(name, value, glyphs, "dim") for name, value in same.items()]
    if arguments.versions:
        rows += [[], *_group("versions", arguments.versions, glyphs)]
    return rows


def default_values(kind: str) -> dict[str, Any]:
    """The defaults of a kind's options."""
    return msgspec.structs.asdict(OPTIONS[kind]())


def _group(title: str, values: dict[str, str], glyphs: Glyphs) -> list[Row]:
    return [
        [(title, "accent")],
        *(_pair(name, value, glyphs, "") for name, value in values.items() if value),
    ]


def _pair(name: str, value: Any, glyphs: Glyphs, style: str) -> Row:
    return [(f"  {name:<24} ", "dim"), (_text(value, glyphs), style)]


def _text(value: Any, glyphs: Glyphs) -> str:
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return clean(text or '""', encoding=glyphs.encoding).text.replace("\n", " ")
