"""What is to be seen on a labelling screen, as text."""

from __future__ import annotations

from rlhf_tui.app import RlhfApp
from rlhf_tui.screens.label import LabelScreen
from rlhf_tui.screens.label_ask import Panel


def label_screen(app: RlhfApp) -> LabelScreen:
    """The labelling screen, also below a panel."""
    found = [screen for screen in app.screen_stack if isinstance(screen, LabelScreen)]
    assert len(found) == 1
    return found[0]


def ready(app: RlhfApp) -> bool:
    """An item is on the screen, and no panel over it."""
    return isinstance(app.screen, LabelScreen) and app.screen.drawn is not None


def line(app: RlhfApp) -> str:
    return str(label_screen(app).line.content)


def badges(app: RlhfApp) -> list[str]:
    return [str(pane.head.badge.content).strip() for pane in label_screen(app).panes.shown]


def shown_task(app: RlhfApp) -> str:
    work = label_screen(app).drawn
    return work.task_id if work else ""


def asked(app: RlhfApp) -> bool:
    """A panel is over the labelling screen, and drawn."""
    return isinstance(app.screen, Panel) and app.screen.is_mounted


def panel(app: RlhfApp) -> str:
    """The rows of the list or table that is asked."""
    return str(app.screen.query_one("#ask-list").content)  # type: ignore[attr-defined]
