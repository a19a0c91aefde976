"""The options of all kinds: each says what it does, and each is read by something."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import msgspec
import pytest

from rlhf_tui.config.options import OPTIONS

SOURCES = Path(__file__).parents[2] / "rlhf_tui"


@cache
def read_names() -> frozenset[str]:
    """Attributes that the program reads, and words that it writes, other than where it checks."""
    found = set()
    for path in SOURCES.rglob("*.py"):
        if path.parent.name == "config":
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                found.add(node.attr)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.add(node.value)
    return frozenset(found)


@pytest.mark.parametrize("kind", OPTIONS)
def test_every_option_says_what_it_does_and_something_reads_it(kind: str) -> None:
    schema = msgspec.json.schema(OPTIONS[kind])["$defs"][OPTIONS[kind].__name__]
    for name, field in schema["properties"].items():
        assert field.get("description"), name
        assert name in read_names(), name
