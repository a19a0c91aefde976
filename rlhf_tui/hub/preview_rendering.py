"""Examples as a model will read them: rendered by a short-lived worker, and kept for a while."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from rlhf_tui.config.options import Options
from rlhf_tui.hub.beside import run_beside
from rlhf_tui.hub.preview_data import Kept
from rlhf_tui.runs.layout import RunKind
from rlhf_tui.runs.rendered import ANSWER, REQUEST, Rendered, RenderRequest

MODULE = "rlhf_tui.training.previewing"
LIMIT_S = 180.0
"""A tokenizer may have to be fetched first."""
MOST_KEPT = 16
DECIDING = (
    "model",
    "max_length",
    "loss_on",
    "packing",
    "response_length",
    "max_new_tokens",
    "endpoint",
)
"""Options that decide how a row is rendered."""
PATIENCE = {"HF_HUB_ETAG_TIMEOUT": "5", "HF_HUB_DOWNLOAD_TIMEOUT": "10"}
"""Of somebody who looks at a form; a launch waits longer."""


class Renderings:
    """Those of one hub; used on the event loop's thread."""

    def __init__(self) -> None:
        self._known: dict[str, Rendered] = {}
        self._one = asyncio.Lock()

    def known(self, kind: RunKind, options: Options, kept: Kept) -> Rendered | None:
        """What was rendered of this data set with such options, without examples."""
        key = _key(kind, options, kept)
        return self._known.get(key)

    async def get(
        self,
        kind: RunKind,
        options: Options,
        kept: Kept,
        examples: int,
        environment: Mapping[str, str],
    ) -> Rendered:
        """Examples of a data set, and how long its texts are.

        Raises:
            InputError: the tokenizer cannot be loaded, or a row cannot be rendered.
            HubError: the worker failed or took too long.
        """
        key = _key(kind, options, kept)
        # One at a time: each takes a core for some seconds.
        async with self._one:
            known = self._known.get(key)
            if known is not None and len(known.examples) >= min(examples, _rows(kept)):
                return msgspec.structs.replace(known, examples=_first(known, examples))
            found = await _render(kind, options, kept, examples, environment)
            self._known.pop(key, None)
            self._known[key] = found
            for old in list(self._known)[:-MOST_KEPT]:
                del self._known[old]
            return found


async def _render(
    kind: RunKind, options: Options, kept: Kept, examples: int, environment: Mapping[str, str]
) -> Rendered:
    request = RenderRequest(
        kind, msgspec.to_builtins(options), str(kept.dataset), kept.split, examples
    )
    directory = kept.directory / f"rendering-{id(request):x}"
    await asyncio.to_thread(_prepare, directory, request)
    try:
        await run_beside(
            MODULE,
            directory,
            what="The examples",
            environment={**PATIENCE, **environment},
            limit_s=LIMIT_S,
        )
        raw = await asyncio.to_thread((directory / ANSWER).read_bytes)
    finally:
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
    return msgspec.json.decode(raw, type=Rendered)


def _prepare(directory: Path, request: RenderRequest) -> None:
    directory.mkdir()
    (directory / REQUEST).write_bytes(msgspec.json.encode(request))


def _key(kind: RunKind, options: Options, kept: Kept) -> str:
    deciding: dict[str, Any] = {name: getattr(options, name, None) for name in DECIDING}
    return msgspec.json.encode([kind, kept.key, deciding]).decode()


def _rows(kept: Kept) -> int:
    return kept.summary.manifest.rows[kept.split]


def _first(known: Rendered, rows: int) -> list[Any]:
    return [example for example in known.examples if example.row <= rows]
