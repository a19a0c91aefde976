"""Numbers and stretches of steps in the sentences of findings."""

from __future__ import annotations

import math


def figure(value: float) -> str:
    """Three figures that tell: 0.00123, 12.3, 1,230, 1.23e+08."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else str(value)
    if 1000 <= abs(value) < 1e7:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def share(value: float) -> str:
    """A share, per cent."""
    return f"{value:.0%}" if value >= 0.095 or value == 0 else f"{value:.1%}"


def at(step: float) -> str:
    """A step, as people read it."""
    return f"{step:,.0f}" if step == round(step) else f"{step:,.2f}"
