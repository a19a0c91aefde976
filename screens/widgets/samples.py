"""The latest sample completions of a run: prompt, completion, reward and KL."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len

from rlhf_tui.runs.layout import SampleRow
from rlhf_tui.screens.theme import UNICODE, Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.chart_axes import number
from rlhf_tui.screens.widgets.log_view import PagedView
from rlhf_tui.screens.widgets.text import clean

SHOWN = 50
LONGEST = 4000
"""Characters of one completion that are laid out."""


class SamplesView(PagedView):
    """Samples, newest first; model text is shown without its control characters."""

    def __init__(self, glyphs: Glyphs = UNICODE, *, id: str | None = None) -> None:
        super().__init__(glyphs, follow=False, id=id)
        self._samples: list[SampleRow] = []

    def samples(self, samples: Iterable[SampleRow]) -> None:
        """Show the newest of these."""
        self._samples = list(samples)[::-1][:SHOWN]
        self.relayout()

    def relayout(self) -> None:
        width = self.size.width
        if not width:
            return
        if not self._samples:
            self.fill([[("No samples yet.", "dim")]])
            return
        rows: list[Row] = []
        step: int | None = None
        for sample in self._samples:
            if sample.step != step:
                step = sample.step
                label = f"step {step} "
                rows.append([(label, "dim"), (self.glyphs.rule * (width - len(label)), "rule")])
            rows.extend(self._sample(sample, width))
        self.fill(rows)

    def _sample(self, sample: SampleRow, width: int) -> list[Row]:
        encoding = self.glyphs.encoding
        facts = [f"by {clean(sample.by, encoding=encoding).text}"] if sample.by else []
        if sample.reward is not None:
            facts.append(f"reward {number(sample.reward)}")
        if sample.kl is not None:
            facts.append(f"KL {number(sample.kl)}")
        prompt = clean(plain(sample.prompt)[:LONGEST], encoding=encoding)
        completion = clean(plain(sample.completion)[:LONGEST], encoding=encoding)
        between = "" if isinstance(sample.prompt, str) else "\n"
        text = [(prompt.text + between, "dim"), (completion.text, "")]
        text.extend((f" [{mark}]", "warn") for mark in (*prompt.marks, *completion.marks))
        body = wrap(text, width - 2)
        head: list[Row] = [[("  ".join(facts), "accent")]] if facts else []
        return [*head, *([("  ", ""), *row] for row in body), []]


def plain(value: object) -> str:
    """A prompt or completion as text; conversations as `role: content` paragraphs."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "\n".join(
            f"{turn.get('role', '')}: {turn.get('content', '')}"
            if isinstance(turn, dict)
            else str(turn)
            for turn in value
        )
    return "" if value is None else str(value)


def wrap(runs: Iterable[tuple[str, str]], width: int) -> list[Row]:
    """Break styled text into rows of at most `width` cells, at spaces where there are some."""
    rows: list[Row] = [[]]
    used = 0
    for text, style in runs:
        for index, line in enumerate(text.expandtabs(4).split("\n")):
            if index:
                rows.append([])
                used = 0
            for word in _words(line):
                length = cell_len(word)
                if used and used + cell_len(word.rstrip()) > width:
                    rows.append([])
                    used = 0
                    word = word.lstrip(" ")
                    length = cell_len(word)
                while length > width:
                    part = _fitting(word, width)
                    rows[-1].append((part, style))
                    rows.append([])
                    word = word[len(part) :]
                    length = cell_len(word)
                rows[-1].append((word, style))
                used += length
    return [_joined(row) for row in rows]


def _words(line: str) -> list[str]:
    """Words, each with the spaces in front of it."""
    words: list[str] = []
    start = 0
    for index in range(1, len(line)):
        if line[index] == " " and line[index - 1] != " ":
            words.append(line[start:index])
            start = index
    if line:
        words.append(line[start:])
    return words


def _fitting(word: str, width: int) -> str:
    used = 0
    for index, character in enumerate(word):
        used += cell_len(character)
        if used > width:
            return word[: max(1, index)]
    return word


def _joined(row: Row) -> Row:
    joined: Row = []
    for text, style in row:
        if joined and joined[-1][1] == style:
            joined[-1] = (joined[-1][0] + text, style)
        else:
            joined.append((text, style))
    return joined
