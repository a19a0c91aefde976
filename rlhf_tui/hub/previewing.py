"""What a launch would do, without launching: the answer to PreviewLaunch.

Options, models and data set are resolved as a launch resolves them. What can be told although
something is missing is told, and why a launch would be refused stands beside it. Who moves through
a form asks again and again: data sets and rendered examples are kept for a while.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from rlhf_tui.config.combinations import check
from rlhf_tui.config.options import EvaluateOptions, Options, ScoreOptions
from rlhf_tui.config.resolve import resolve_options as options_of
from rlhf_tui.config.settings import load_settings
from rlhf_tui.dataset.from_file import located
from rlhf_tui.errors import HubError, InputError, NothingToDo, RlhfError, UsageError
from rlhf_tui.hub import weighing
from rlhf_tui.hub.devices import overlap
from rlhf_tui.hub.hub import Hub
from rlhf_tui.hub.identity import Identity
from rlhf_tui.hub.messages import DatasetPreview, Preview, PreviewLaunch
from rlhf_tui.hub.models import HUB_ID, Resolved, resolve_options, sample_model
from rlhf_tui.hub.placing import place
from rlhf_tui.hub.preview_data import Kept, Snapshots
from rlhf_tui.hub.preview_rendering import Renderings
from rlhf_tui.hub.rows import ALIVE, device_of
from rlhf_tui.runs.environment import SECRETS, carried
from rlhf_tui.runs.estimate_model import shape_of
from rlhf_tui.runs.rendered import MOST_EXAMPLES, Rendered

SUPERSEDED = "A newer preview was asked for."


class Previews:
    """The previews of one hub; used on the event loop's thread."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._working: dict[tuple[int, bool], asyncio.Task[Preview]] = {}
        self._snapshots = Snapshots(hub)
        self._renderings = Renderings()
        self._weighing = weighing.Weighing(hub)

    async def answer(self, who: Identity, request: PreviewLaunch) -> Preview:
        """
        Raises:
            RlhfError: the options are none, or a newer request took this one's place.
        """
        slot = who.connection, request.examples > 0
        if (before := self._working.get(slot)) is not None:
            before.cancel()
        task = asyncio.ensure_future(self._preview(request))
        self._working[slot] = task
        try:
            # Not awaited itself: its cancellation is not ours.
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            raise
        finally:
            if self._working.get(slot) is task:
                del self._working[slot]
        if task.cancelled():
            raise HubError(SUPERSEDED)
        return task.result()

    async def _preview(self, request: PreviewLaunch) -> Preview:
        hub = self._hub
        settings = load_settings(hub.workspace)
        wanted = options_of(
            request.kind, settings, config_file=None, environ={}, given=request.arguments
        )
        cwd = Path(request.cwd or hub.workspace.root)
        environment = carried(request.environment)
        problems: list[RlhfError] = []
        wanted = located(wanted, cwd)
        chosen = Resolved(wanted, {}, [])
        try:
            chosen = resolve_options(wanted, settings, hub.jobs.rows, cwd)
        except (NothingToDo, InputError, UsageError) as error:
            problems.append(error)
        unresolved = bool(problems)
        device = "cpu"
        try:
            device, chosen = place(chosen, environment, hub.jobs.busy_devices(), cwd)
            check(request.kind, chosen.options)
        except UsageError as error:
            problems.append(error)
        options = chosen.options
        found = Preview(device=device, models={}, notes=list(chosen.notes))
        found.models = await asyncio.to_thread(_models, chosen, environment)
        found.queue = await self._ahead(device, request.priority)
        kept: Kept | None = None
        try:
            # What is evaluated decides about the data.
            if not (unresolved and isinstance(options, EvaluateOptions)):
                kept = await self._snapshots.get(request.kind, options, settings)
        except RlhfError as error:
            problems.append(error)
        except OSError as error:
            problems.append(HubError(f"The data set cannot be made: {error.strerror}."))
        if problems:
            found.problem, found.refusal = str(problems[0]), problems[0].exit_code
        if kept is None:
            if request.examples:
                found.no_examples = "There is no data set to render examples of."
            return found
        found.dataset = _dataset(kept, options)
        rendered = await self._render(found, request, kept, options, environment)
        try:
            found.estimate = await self._weighing.estimate(
                request.kind, options, kept, rendered, device, environment
            )
        except UsageError as error:
            if not problems:
                found.problem, found.refusal = str(error), error.exit_code
        return found

    async def _render(
        self,
        found: Preview,
        request: PreviewLaunch,
        kept: Kept,
        options: Options,
        environment: Mapping[str, str],
    ) -> Rendered | None:
        """Examples, if they are asked for; else what is known of such a rendering already."""
        if not request.examples or isinstance(options, ScoreOptions):
            return self._renderings.known(request.kind, options, kept)
        keys = {name: value for name, value in request.secrets.items() if name in SECRETS}
        count = min(request.examples, MOST_EXAMPLES)
        try:
            rendered = await self._renderings.get(
                request.kind, options, kept, count, {**environment, **keys}
            )
        except RlhfError as error:
            found.no_examples = str(error)
            return None
        except OSError as error:
            # A full disk, or so many forms open that this one's data set had to go.
            found.no_examples = f"The examples cannot be made: {error.strerror}."
            return None
        found.examples, found.rendering = rendered.examples, rendered.notes
        return rendered

    async def _ahead(self, device: str, priority: int) -> list[str]:
        """Runs on a device, and those that would start there before a new one of a priority."""
        jobs = self._hub.jobs
        rows = list(jobs.rows.values())
        places = jobs.queue_positions()
        wanted = [
            row
            for row in rows
            if row.state in ALIVE or (row.run_id in places and row.priority >= priority)
        ]
        where = await asyncio.to_thread(lambda: [device_of(row) for row in wanted])
        meeting = [row for row, at in zip(wanted, where, strict=True) if overlap(at, device)]
        return [row.run_id for row in sorted(meeting, key=lambda row: places.get(row.run_id, 0))]


def _dataset(kept: Kept, options: Options) -> DatasetPreview:
    summary = kept.summary
    source = summary.manifest.source
    return DatasetPreview(
        source=source.path if source is not None else "the workspace",
        rows=summary.manifest.rows,
        prompts=summary.prompts,
        columns=summary.columns,
        notes=summary.manifest.notes,
        annotators=summary.annotators,
        agreement=summary.agreement,
    )


def _models(chosen: Resolved, environment: Mapping[str, str]) -> dict[str, str]:
    """role → what it is, in words."""
    found: dict[str, str] = {}
    for role in ("model", "reward_model", "policy", "reference"):
        reference = str(getattr(chosen.options, role, "") or "")
        if reference:
            found[role] = _in_words(reference, chosen.lineage.get(role, ""), environment)
    for place_, entry in enumerate(getattr(chosen.options, "rewards", []), start=1):
        run_id = chosen.lineage.get(f"reward_{place_}", "")
        found[f"reward {place_}"] = f"{run_id}: {entry}" if run_id else str(entry)
    return found


def _in_words(reference: str, run_id: str, environment: Mapping[str, str]) -> str:
    try:
        bundled = reference == str(sample_model())
    except UsageError:
        bundled = False
    name = run_id or ("sample, the bundled model" if bundled else reference)
    shape = shape_of(reference, environment)
    if shape is None:
        return f"{name}, to be fetched from the Hub" if HUB_ID.fullmatch(reference) else name
    return f"{name}, {weighing.count(shape.parameters)} parameters"


_PREVIEWS: WeakKeyDictionary[Hub, Previews] = WeakKeyDictionary()


async def preview(hub: Hub, who: Identity, request: PreviewLaunch) -> Preview:
    """What a launch would do.

    Raises:
        RlhfError: as `Previews.answer`.
    """
    if hub not in _PREVIEWS:
        _PREVIEWS[hub] = Previews(hub)
    return await _PREVIEWS[hub].answer(who, request)


HANDLERS: dict[Any, Any] = {PreviewLaunch: preview}
