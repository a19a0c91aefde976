"""Charts for papers: real pictures, of the right curves, the same bytes every time."""

from __future__ import annotations

import io
import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest
from helpers.recorded import write_run

from rlhf_tui.errors import UsageError
from rlhf_tui.tracking.figures import COLOURS, MOST_POINTS, Look, charted, draw, ending_of, points
from rlhf_tui.tracking.patterns import pattern
from rlhf_tui.tracking.series import Series
from rlhf_tui.tracking.subjects import Subject, read_subject

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def subjects(tmp_path: Path) -> list[Subject]:
    first = write_run(tmp_path, "sft-0001", kind="sft", steps=40, total=40)
    second = write_run(
        tmp_path, "sft-0002", kind="sft", steps=30, total=40, title="5 $ & <b> longer"
    )
    return [read_subject(first), read_subject(second)]


def drawn(subjects: list[Subject], look: Look, ending: str, *names: str) -> bytes:
    file = io.BytesIO()
    draw(subjects, names or ["loss"], look, ending, file)
    return file.getvalue()


@pytest.mark.parametrize("ending", [".svg", ".png", ".pdf"])
def test_the_same_input_gives_the_same_bytes(subjects: list[Subject], ending: str) -> None:
    look = Look(smooth=0.9, log_y=True)
    assert drawn(subjects, look, ending) == drawn(subjects, look, ending)


def test_an_svg_has_its_texts_as_text_and_a_curve_a_run(subjects: list[Subject]) -> None:
    data = drawn(subjects, Look(x="tokens"), ".svg")
    root = ET.fromstring(data)
    texts = ["".join(one.itertext()) for one in root.iter(f"{SVG}text")]
    assert "tokens" in texts
    assert "loss (nats a token)" in texts
    assert "sft-0001" in texts
    assert "sft-0002: 5 $ & <b> longer" in texts
    styles = [one.get("style", "") for one in root.iter(f"{SVG}path")]
    for colour in COLOURS[:2]:
        assert any(f"stroke: {colour.lower()}" in style for style in styles)
    # The second run is told by its dashes, too.
    assert any(COLOURS[1].lower() in style and "stroke-dasharray" in style for style in styles)
    assert not re.search(rb"20\d\d-\d\d-\d\d", data)


def test_a_long_name_is_no_longer_than_its_axis(subjects: list[Subject]) -> None:
    data = drawn(subjects, Look(smooth=0.6, size=(4.0, 2.6)), ".svg", "eval_loss")
    texts = ["".join(one.itertext()) for one in ET.fromstring(data).iter(f"{SVG}text")]
    assert "eval_loss (nats a token)," in texts
    assert "smoothed 0.6" in texts


def test_smoothing_is_drawn_over_the_faint_values(subjects: list[Subject]) -> None:
    def strokes(smooth: float) -> list[str]:
        root = ET.fromstring(drawn(subjects[:1], Look(smooth=smooth), ".svg"))
        styles = [one.get("style", "") for one in root.iter(f"{SVG}path")]
        return [s for s in styles if COLOURS[0].lower() in s and "fill: none" in s]

    assert not any("stroke-opacity: 0.3" in style for style in strokes(0.0))
    assert any("stroke-opacity: 0.3" in style for style in strokes(0.9))
    assert len(strokes(0.9)) == len(strokes(0.0)) + 1


def test_a_png_has_the_size_and_colours_that_were_asked_for(subjects: list[Subject]) -> None:
    from matplotlib.image import imread

    data = drawn(subjects, Look(size=(5.0, 3.0)), ".png", "loss", "mean_token_accuracy")
    picture = imread(io.BytesIO(data), format="png")
    assert picture.shape[:2] == (600, 2000)
    pixels = np.round(picture[..., :3] * 255).astype(int)
    for colour in COLOURS[:2]:
        wanted = [int(colour[place : place + 2], 16) for place in (1, 3, 5)]
        assert (np.abs(pixels - wanted).max(axis=-1) <= 2).sum() > 500
    assert b"Software" not in data


def test_the_curve_is_where_the_values_are() -> None:
    """A straight line from corner to corner: lowest at the left, highest at the right."""
    from matplotlib.image import imread

    series = Series("up")
    for step in range(101):
        series.add(step, float(step))
    one = Subject("sft-0001", "sft", series={"up": series})
    data = drawn([one], Look(size=(4, 4)), ".png", "up")
    pixels = np.round(imread(io.BytesIO(data), format="png")[..., :3] * 255).astype(int)
    blue = np.abs(pixels - [0x00, 0x72, 0xB2]).max(axis=-1) <= 2
    # Without the legend, which stands at the top left.
    rows, columns = np.nonzero(blue & (np.arange(800)[:, None] + np.arange(800)[None, :] > 500))
    slope, _ = np.polyfit(columns, -rows, 1)
    assert slope == pytest.approx(
        (rows.max() - rows.min()) / (columns.max() - columns.min()), rel=0.05
    )


def test_a_pdf_embeds_its_fonts(subjects: list[Subject]) -> None:
    data = drawn(subjects, Look(), ".pdf")
    assert data.startswith(b"%PDF-")
    assert b"/FontFile2" in data
    assert b"/Type3" not in data
    assert b"/CreationDate" not in data


def test_gaps_break_the_line(tmp_path: Path) -> None:
    series = Series("loss")
    for step, value in enumerate([1.0, 2.0, math.nan, 4.0, math.inf, 5.0]):
        series.add(step, value)
    _, ys = points(series, series.values)
    assert [math.isfinite(y) for y in ys] == [True, True, False, True, False, True]


def test_a_long_curve_keeps_its_spikes() -> None:
    series = Series("loss")
    for step in range(100_000):
        series.add(step, 1000.0 if step == 55_555 else step % 7)
    xs, ys = points(series, series.values)
    assert len(xs) <= MOST_POINTS
    assert max(ys) == 1000.0
    assert min(ys) == 0.0


def test_what_cannot_be_drawn_is_said(subjects: list[Subject], tmp_path: Path) -> None:
    rm = read_subject(write_run(tmp_path, "rm-0001", kind="rm", steps=5, total=5))
    with pytest.raises(UsageError, match="rm-0001 does not log tokens") as told:
        drawn([*subjects, rm], Look(x="tokens"), ".svg")
    assert told.value.hint == "It can be drawn by step or time."
    series = Series("kl")
    series.add(1, -1.0)
    below = Subject("ppo-0001", "ppo", series={"kl": series})
    with pytest.raises(UsageError, match="No value of kl is above 0"):
        drawn([below], Look(log_y=True), ".svg", "kl")
    many = {f"m{n}": series for n in range(20)}
    with pytest.raises(UsageError, match="20 metrics are meant"):
        charted([Subject("ppo-0001", "ppo", series=many)], [pattern("m")])
    with pytest.raises(UsageError, match="picture"):
        ending_of(Path("x.bmp"))


def test_points_below_0_of_a_long_curve_are_counted_not_those_drawn() -> None:
    series = Series("kl")
    for step in range(3 * MOST_POINTS):
        series.add(step, -1.0 if step < 10 else math.nan if step < 20 else 1.0)
    run = Subject("ppo-0001", "ppo", series={"kl": series})
    (told,) = draw([run], ["kl"], Look(smooth=0.5, log_y=True), ".svg", io.BytesIO())
    assert f"10 of {3 * MOST_POINTS:,}:" in told


def test_a_persons_own_settings_change_nothing(
    subjects: list[Subject], monkeypatch: pytest.MonkeyPatch
) -> None:
    import matplotlib

    before = drawn(subjects, Look(), ".svg")
    with matplotlib.rc_context({"axes.facecolor": "red", "font.size": 30}):
        assert drawn(subjects, Look(), ".svg") == before
