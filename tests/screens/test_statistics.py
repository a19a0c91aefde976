"""The statistics screen: what each may see, at every size, while the hub takes its time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from helpers.pictures import same_as_kept

from rlhf_tui.app import RlhfApp
from rlhf_tui.errors import HubError
from rlhf_tui.evaluation.report import (
    AnnotatorStats,
    CurvePoint,
    Figure,
    LearningCurve,
    Period,
    Report,
)
from rlhf_tui.hub.messages import (
    Answer,
    KindProgress,
    Progress,
    ProgressAnswer,
    Request,
    Stats,
    StatsAnswer,
    Welcome,
)
from rlhf_tui.screens.home import HomeScreen
from rlhf_tui.screens.statistics import StatisticsScreen
from rlhf_tui.screens.statistics_text import GAUGE, Lines, gauge
from rlhf_tui.screens.theme import ASCII, UNICODE

MakeApp = Callable[..., RlhfApp]
Until = Callable[..., Awaitable[None]]
TIES = "Pairs that both people put on different tiers; ties, unranked and unsure are left out."
FIRST = "Pairs decided by one person; ties, unranked, unsure and repeats are left out."
SIZES = [(60, 20), (80, 24), (120, 30), (200, 60)]


PICTURES_OF = {
    "you-60x20": ((60, 20), "1", "rlhf-dark", False),
    "people-80x24-light": ((80, 24), "2", "rlhf-light", False),
    "agreement-120x30": ((120, 30), "3", "rlhf-dark", False),
    "bias-80x24-ascii": ((80, 24), "4", "rlhf-ansi", True),
    "agreement-200x60-colour-blind": ((200, 60), "3", "rlhf-colour-blind", False),
}
"""Name → size, the page's key, theme, ASCII."""


def share(name: str, value: float, cases: int, rule: str = TIES) -> Figure:
    return Figure(name, value, value - 0.05, value + 0.04, cases, rule)


def person(name: str, judged: int, quality: float) -> AnnotatorStats:
    return AnnotatorStats(
        name,
        judgements=judged,
        skipped=4,
        active_ms=judged * 21_000,
        wall_ms=judged * 30_000,
        median_active_ms=19_500,
        per_hour=171.4,
        others=share("with others", quality, judged * 3),
        gold=share("against known answers", quality + 0.05, 60, "A tie counts as wrong."),
        self_consistency=Figure("with themselves", rule="Pairs decided both times."),
        first_shown=share("first shown wins", 0.51, judged * 6, FIRST),
        longer=share("longer wins", 0.62, judged * 6, f"{FIRST} Length in tokens."),
        reliability=quality + 0.02,
    )


def whole() -> Report:
    people = [person("ann", 412, 0.83), person("bob", 388, 0.79), person("cy", 25, 0.55)]
    return Report(
        tasks=500,
        judgements=825,
        wanted=1_500,
        remaining=675,
        remaining_hours=3.7,
        labelling_lately=3,
        agreement=[
            share("raw agreement", 0.78, 2_310),
            share("Cohen's kappa: ann, bob", 0.61, 1_920, "Each pair both ways round."),
            share("Cohen's kappa: ann, cy", 0.06, 150, "Each pair both ways round."),
            share("Krippendorff's alpha, ordinal, 4 completions", 0.58, 1_400, "Ranks."),
            Figure("Kendall's tau-b", rule="Of three or more completions."),
        ],
        bias=[
            share("first shown wins", 0.53, 4_950, FIRST),
            share("longer wins", 0.61, 4_700, f"{FIRST} Length in tokens."),
            Figure("log-odds per 100 tokens longer", 0.41, 0.22, 0.6, 4_700, "Logistic."),
        ],
        annotators=people,
        periods=[
            Period(
                1_700_000_000_000 + day * 86_400_000, 100 + day, 0.8 - day / 50, 0.5, 0.6, 20_000
            )
            for day in range(5)
        ],
        selection=[share("informative: people disagree", 0.31, 420)],
        curve=LearningCurve(
            "rm-0004",
            [CurvePoint(500, 90, 0.61, 0.57, 0.65), CurvePoint(1_000, 180, 0.66, 0.62, 0.7)],
            "More labels still help: twice as many raised the accuracy by 0.05.",
        ),
        notes=["No difference is seen yet between informative items and the random control."],
        computed_ms=1_700_000_000_000,
    )


def own() -> Report:
    report = whole()
    return Report(
        tasks=report.tasks,
        judgements=report.judgements,
        wanted=report.wanted,
        remaining=report.remaining,
        remaining_hours=report.remaining_hours,
        labelling_lately=report.labelling_lately,
        annotators=report.annotators[:1],
        computed_ms=report.computed_ms,
    )


class StatsHub:
    """A hub that answers what this screen asks."""

    def __init__(self, hub: Any, reports: dict[str, Report], role: str = "owner") -> None:
        self.hub = hub
        self.reports = reports
        self.role = role
        self.asked: list[Stats] = []
        self.hold: asyncio.Event | None = None
        self.refuse = ""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.hub, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "on_change":
            setattr(self.hub, name, value)
        else:
            super().__setattr__(name, value)

    @property
    def welcome(self) -> Welcome:
        return Welcome("1", "/films", "ann", self.role, 1)  # type: ignore[arg-type]

    async def call(self, request: Request, answer: type[Answer]) -> Answer:
        if isinstance(request, Progress):
            mine = KindProgress(tasks=500, mine=412, skipped=4, open_for_me=88, mine_today=37)
            return ProgressAnswer(mine, KindProgress(), 125, 500, 3, 0)
        if not isinstance(request, Stats):
            found: Answer = await self.hub.call(request, answer)
            return found
        self.asked.append(request)
        if self.hold is not None:
            await self.hold.wait()
        if self.refuse:
            raise HubError(self.refuse)
        return StatsAnswer(self.reports[request.kind])


def screen(app: RlhfApp) -> StatisticsScreen:
    assert isinstance(app.screen, StatisticsScreen)
    return app.screen


def shown(app: RlhfApp) -> str:
    return str(screen(app).figures.content)


def known(app: RlhfApp) -> bool:
    return isinstance(app.screen, StatisticsScreen) and app.screen.seen is not None


@pytest.mark.parametrize("size", SIZES)
async def test_each_page_fits_and_tells_its_figures(
    make_app: MakeApp, until: Until, fake: Any, size: tuple[int, int]
) -> None:
    app = make_app(StatsHub(fake.hub([]), {"rank": whole()}), "statistics")
    words = {
        "1": ["37 rankings", "88 open for you", "29 minutes", "171 an hour", "825 rankings"],
        "2": ["ann", "bob", "cy", "0.83"],
        "3": ["raw agreement", "0.78", "ties, unranked and unsure", "Kendall's tau-b"],
        "4": ["first shown wins", "0.53", "log-odds per 100 tokens", "0.22 to 0.60"],
        "5": ["2023-11-1", "104", "0.72"],
        "6": ["More labels still help", "0.62 to 0.70"[:4], "informative: people disagree"],
    }
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: known(app))
        for key, expected in words.items():
            await pilot.press(key)
            text = shown(app)
            for word in expected:
                assert word in text.replace("\n  ", " "), (key, word, text)
            width = screen(app).body.scrollable_content_region.width
            assert max(map(len, text.splitlines())) <= width


async def test_an_annotator_has_one_page(make_app: MakeApp, until: Until, fake: Any) -> None:
    app = make_app(StatsHub(fake.hub([]), {"rank": own()}, "annotator"), "statistics")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: known(app))
        assert "agrees" not in shown(app)
        assert "with others" in shown(app)
        assert "0.83" in shown(app)
        before = shown(app)
        await pilot.press("2", "tab", "6")
        assert shown(app) == before
        assert not screen(app).tabs.display


async def test_the_keys_work_while_the_figures_are_worked_out(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = StatsHub(fake.hub([]), {"rank": whole(), "thumbs": Report(kind="thumbs", tasks=7)})
    hub.hold = asyncio.Event()
    app = make_app(hub, "statistics")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: len(hub.asked) == 1)
        assert "worked out" in shown(app)
        assert "computing" in str(screen(app).status.saved.content)
        await pilot.press("j", "tab", "question_mark", "question_mark", "t")
        await until(pilot, lambda: len(hub.asked) == 2)
        # The answer to the first question is not taken for that to the second.
        hub.hold.set()
        await until(pilot, lambda: known(app))
        assert screen(app).seen is not None
        assert screen(app).seen.report.kind == "thumbs"
        assert "0 thumbs" in shown(app)
        assert "computing" not in str(screen(app).status.saved.content)
        assert [one.kind for one in hub.asked] == ["rank", "thumbs"]


async def test_refresh_asks_for_new_figures_and_keeps_the_old_ones_until_then(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = StatsHub(fake.hub([]), {"rank": whole()})
    app = make_app(hub, "statistics")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: known(app))
        hub.hold = asyncio.Event()
        hub.reports["rank"] = msgspec.structs.replace(whole(), judgements=826)
        await pilot.press("r")
        await until(pilot, lambda: len(hub.asked) == 2)
        assert hub.asked[1].max_age_s == 0
        assert "825 rankings" in shown(app)
        hub.hold.set()
        await until(pilot, lambda: "826 rankings" in shown(app))
        hub.refuse = "The statistics could not be worked out (no memory)."
        await pilot.press("r")
        await until(pilot, lambda: "no memory" in shown(app))
        assert "826 rankings" in shown(app)


async def test_a_refusal_before_the_first_figures_is_a_sentence(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    hub = StatsHub(fake.hub([]), {})
    hub.refuse = "The statistics were not worked out within 300 s."
    app = make_app(hub, "statistics")
    async with app.run_test(size=(60, 20)) as pilot:
        await until(pilot, lambda: "within 300 s" in shown(app))
        assert "There are no figures." in shown(app)


async def test_from_home_and_back(make_app: MakeApp, until: Until, fake: Any) -> None:
    app = make_app(StatsHub(fake.hub([]), {"rank": whole()}), "home")
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("s")
        await until(pilot, lambda: known(app))
        await pilot.press("3", "q")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_a_long_page_scrolls_and_another_begins_at_its_top(
    make_app: MakeApp, until: Until, fake: Any
) -> None:
    app = make_app(StatsHub(fake.hub([]), {"rank": whole()}), "statistics")
    async with app.run_test(size=(60, 20)) as pilot:
        await until(pilot, lambda: known(app))
        await pilot.press("2")
        body = screen(app).body
        await until(pilot, lambda: body.max_scroll_y > 5)
        await pilot.press("j", "j")
        assert body.scroll_y == 2
        await pilot.press("space")
        assert body.scroll_y > 2
        await pilot.press("3")
        assert body.scroll_y == 0


async def test_no_name_acts_on_the_terminal(make_app: MakeApp, until: Until, fake: Any) -> None:
    report = whole()
    report.annotators[1].annotator = "\x1b]52;c;aGk=\x07[@click=app.quit]漢字[/b]" + "z" * 40
    report.notes = ["A note on \x1b[2J[bold]\u202e."]
    app = make_app(StatsHub(fake.hub([]), {"rank": report}), "statistics", ascii=True)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: known(app))
        for key in "23":
            await pilot.press(key)
            text = shown(app)
            assert not {"\x1b", "\x07", "\u202e"} & set(text)
            assert text.isascii()
        await pilot.press("2")
        assert "[@click" in shown(app)


@pytest.mark.parametrize("name", PICTURES_OF)
async def test_it_looks_as_before(
    name: str, make_app: MakeApp, until: Until, fake: Any, utc: None
) -> None:
    """After a change that is meant: UPDATE_PICTURES=1, and look at the pictures."""
    size, key, theme, ascii = PICTURES_OF[name]
    app = make_app(
        StatsHub(fake.hub([]), {"rank": whole()}), "statistics", theme=theme, ascii=ascii
    )
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: known(app))
        await pilot.press(key)
        await pilot.pause()
        await same_as_kept(
            app, pilot, Path(__file__).with_name("pictures") / f"statistics-{name}.svg"
        )


def test_a_gauge_says_where_the_value_lies() -> None:
    drawn = gauge(Figure("x", 0.5, 0.25, 0.75), UNICODE)
    assert len(drawn) == GAUGE
    assert drawn.count("●") == 1
    assert drawn.index("━") == round(0.25 * (GAUGE - 1))
    assert gauge(Figure("x", -0.4), ASCII) == "*" + "." * (GAUGE - 1)
    assert gauge(Figure("x"), ASCII).strip() == ""


def test_a_table_drops_columns_that_do_not_fit_in_their_order() -> None:
    head = ("person", "judged", "median", "DS")
    rows = [("ann", "1,000", "20 s", "0.90")]
    wide, narrow = Lines(60, ASCII), Lines(22, ASCII)
    for lines in (wide, narrow):
        lines.table(head, rows, drop=("DS", "median"))
    assert str(wide.content).split() == [*head, "ann", "1,000", "20", "s", "0.90"]
    assert str(narrow.content).split() == ["person", "judged", "median", "ann", "1,000", "20", "s"]
