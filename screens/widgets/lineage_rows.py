"""A run's lineage as rows: a tree of runs and data sets, each with its state and key figure."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence

from rlhf_tui.hub.messages import RunInfo
from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.chart_axes import number
from rlhf_tui.screens.widgets.run_list import ASCII_SIGNS, SIGNS, STYLES, state_word
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.tracking.lineage import Known, Node, branch, flat


def lineage_rows(
    roots: Sequence[Node],
    known: Mapping[str, Known],
    infos: Mapping[str, RunInfo],
    width: int,
    glyphs: Glyphs,
) -> list[Row]:
    """The tree from top to bottom; what is said of a node goes on below it where it is long."""
    rows: list[Row] = []
    placed = flat(roots)
    for place, (path, node) in enumerate(placed):
        lead = branch(path, ascii_only=glyphs.encoding != "utf-8")
        below = len(placed) > place + 1 and len(placed[place + 1][0]) > len(path)
        rows += _rows(node, lead, path, below, known, infos, width, glyphs)
    return rows


def _rows(
    node: Node,
    lead: str,
    path: Sequence[bool],
    below: bool,
    known: Mapping[str, Known],
    infos: Mapping[str, RunInfo],
    width: int,
    glyphs: Glyphs,
) -> list[Row]:
    info = infos.get(node.name)
    sign, style = _sign(node, info, glyphs)
    name = clean(node.name, encoding=glyphs.encoding).text
    head: Row = [(lead, "rule"), (sign, style)]
    if node.chosen:
        head.append((f"{glyphs.marker}{name}", "cursor"))
    else:
        head.append((name, "" if node.kind in ("labels", "data") else "strong"))
    words = [
        clean(word, encoding=glyphs.encoding).text.replace("\n", " ")
        for word in _words(node, known, info)
    ]
    if not words:
        return [head]
    first = f" {glyphs.dot} ".join(words)
    if sum(len(text) for text, _ in head) + 2 + len(first) <= width:
        return [[*head, (f"  {first}", "dim")]]
    # Below it, under the lines that lead on from it.
    bar = "|" if glyphs.encoding != "utf-8" else "│"
    steps = "".join("   " if over else f"{bar}  " for over in path)
    under = f"{steps}{f'{bar}  ' if below else '   '}"
    lines = _wrapped(words, max(12, width - len(under)), f" {glyphs.dot} ")
    return [head, *([(under, "rule"), (line, "dim")] for line in lines)]


def _wrapped(words: Sequence[str], width: int, between: str) -> list[str]:
    """Phrases in rows, broken between two of them where that is possible."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + len(between) + len(word) <= width:
            lines[-1] += between + word
        else:
            lines += textwrap.wrap(word, width)
    return lines


def _sign(node: Node, info: RunInfo | None, glyphs: Glyphs) -> tuple[str, str]:
    plain = glyphs.encoding != "utf-8"
    if node.kind == "missing":
        return "? ", "warn"
    if node.kind != "run":
        return "", ""
    if info is None:
        return f"{glyphs.off} ", "dim"
    state = state_word(info)
    return f"{(ASCII_SIGNS if plain else SIGNS)[state]} ", STYLES[state]


def _words(node: Node, known: Mapping[str, Known], info: RunInfo | None) -> list[str]:
    """What is said of a node, the most important first."""
    words = []
    if node.kind == "run":
        if info is None:
            words.append("not in the list: put away, or older than it goes back")
        else:
            words += ["the current policy"] if info.current else []
            words += ["put away"] if info.archived else []
            words += [state_word(info)] if info.state != "finished" else []
    words += [node.told] if node.told else []
    words += node.beside
    made = known.get(node.name)
    if made is not None and made.status is not None and (name := made.key_figure):
        words.append(f"{name} {number(made.status.metrics[name])}")
    return words
