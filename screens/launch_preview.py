"""The preview window: a launch's data set, and its first rows as the model will see them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from rlhf_tui.errors import RlhfError
from rlhf_tui.hub.messages import Preview
from rlhf_tui.hub.preview_words import cost_line, dataset_line, loss_words, trained_line
from rlhf_tui.screens import keys
from rlhf_tui.screens.launch_example import example_rows, marks
from rlhf_tui.screens.theme import Glyphs
from rlhf_tui.screens.widgets.canvas_view import Row
from rlhf_tui.screens.widgets.log_view import PagedView
from rlhf_tui.screens.widgets.text import clean
from rlhf_tui.screens.widgets.work import work
from rlhf_tui.screens.widgets.wrapping import wrap

if TYPE_CHECKING:
    from rlhf_tui.app import RlhfApp

EXAMPLES = 20


class LaunchPreview(ModalScreen[None]):
    """Facts first, then one row of the data set after the other."""

    DEFAULT_CSS = """
    LaunchPreview {
        align: center middle;
        & > Vertical {
            width: 96%; max-width: 120; height: 92%; padding: 0 1; background: $panel;
        }
        & #preview-title { text-style: bold; height: 1; width: 1fr; }
        & #preview-keys { height: 1; width: 1fr; color: $foreground 60%; }
    }
    """
    CSS = "LaunchPreview { background: $background 60%; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        *keys.borrowed(
            {
                "launch.preview": "dismiss",
                "leave": "dismiss",
                "quit": "leave_program",
                "launch.next": "example(1)",
                "launch.previous": "example(-1)",
                "launch.down": "scroll(1)",
                "launch.up": "scroll(-1)",
                "label.page-down": "page(1)",
                "label.page-up": "page(-1)",
            }
        ),
        ("escape", "dismiss", "Close"),
    ]

    def __init__(
        self, kind: str, ask: Callable[[int], Awaitable[Preview]], glyphs: Glyphs, way: str
    ) -> None:
        """
        Args:
            ask: a preview with so many examples.
            way: the keys, for the last row.
        """
        super().__init__()
        self.kind = kind
        self.at = 0
        """0: the facts; 1 on: the rows of the data set."""
        self.preview: Preview | None = None
        self.trouble = ""
        self._ask = ask
        self._glyphs = glyphs
        self._way = way

    def compose(self) -> ComposeResult:
        with Vertical():
            yield Static(markup=False, id="preview-title")
            self.view = PagedView(self._glyphs, follow=False)
            yield self.view
            yield Static(self._way, markup=False, id="preview-keys")

    def on_mount(self) -> None:
        self.run_worker(work(self._fetch), group="fetch")
        self.call_after_refresh(self.draw)

    def on_resize(self) -> None:
        self.call_after_refresh(self.draw)

    async def _fetch(self) -> None:
        try:
            self.preview = await self._ask(EXAMPLES)
        except RlhfError as error:
            self.trouble = str(error)
        self.draw()

    @property
    def rows_there(self) -> int:
        """Rows of the data set that can be looked at."""
        found = self.preview
        return max((one.row for one in found.examples), default=0) if found is not None else 0

    def draw(self) -> None:
        width = self.view.size.width
        if not width:
            return
        place = f"row {self.at} of the first {self.rows_there}" if self.at else "facts"
        self.query_one("#preview-title", Static).update(
            f"What {self.kind} will learn from: {place}"
        )
        self.view.fill(self._rows(width))

    def _rows(self, width: int) -> list[Row]:
        found = self.preview
        if self.trouble:
            return self._wrapped(self.trouble, "bad", width)
        if found is None:
            words = "Rendering the first rows with the model's own tokenizer: some seconds."
            return self._wrapped(words, "dim", width)
        if self.at:
            rows: list[Row] = []
            for example in found.examples:
                if example.row == self.at:
                    rows += [*example_rows(example, width, self._glyphs), []]
            begins, ends, _ = marks(self._glyphs)
            legend = f"{begins} … {ends}  {loss_words(self.kind)}; special tokens by their names"
            return [*rows, *self._wrapped(legend, "dim", width)]
        return self._facts(found, width)

    def _facts(self, found: Preview, width: int) -> list[Row]:
        rows: list[Row] = []
        if found.problem:
            rows += self._wrapped(f"It would not start: {found.problem}", "bad", width)
        if found.dataset is not None:
            data = found.dataset
            rows += self._wrapped(dataset_line(data), "strong", width)
            for sentence in (*data.notes, f"Columns: {', '.join(data.columns)}."):
                rows += self._wrapped(sentence, "", width)
        rows.append([])
        for sentence in found.rendering:
            rows += self._wrapped(sentence, "", width)
        if found.no_examples:
            rows += self._wrapped(f"No examples: {found.no_examples}", "bad", width)
        if (cost := found.estimate) is not None:
            rows.append([])
            rows += self._wrapped(cost_line(cost) or "What it takes is not known.", "strong", width)
            for sentence in (cost.warning, trained_line(cost), *cost.basis):
                if sentence:
                    style = "bad" if sentence == cost.warning else ""
                    rows += self._wrapped(sentence, style, width)
        if self.rows_there:
            rows += [[], *self._wrapped("The rows follow: right.", "dim", width)]
        return rows

    def _wrapped(self, words: str, style: str, width: int) -> list[Row]:
        return wrap([(clean(words, encoding=self._glyphs.encoding).text, style)], width)

    def action_example(self, by: int) -> None:
        """The next row of the data set, or the one before."""
        self.at = (self.at + by) % (self.rows_there + 1)
        self.view.top = 0
        self.draw()

    def action_scroll(self, lines: int) -> None:
        self.view.move(lines)

    def action_page(self, pages: int) -> None:
        self.view.page(pages)

    async def action_leave_program(self) -> None:
        await cast("RlhfApp", self.app).shut_down()
