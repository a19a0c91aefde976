"""A program beside the hub that ends when nobody waits for it any more."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from rlhf_tui.errors import HubError, InputError
from rlhf_tui.evaluation.worker_process import ONE_THREAD, REFUSED


async def run_beside(
    module: str,
    directory: Path,
    *,
    what: str,
    environment: Mapping[str, str] | None = None,
    limit_s: float,
) -> bytes:
    """Run a module that `evaluation.worker_process.told` ends on a directory; what it printed.

    Whoever cancels this kills it. The module nices itself.

    Args:
        what: names the work in an error, as in 'The data set'.
        environment: over the hub's own.

    Raises:
        InputError: the module refused; its own sentence.
        HubError: it took too long, was killed, or failed.
    """
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-P",
        "-m",
        module,
        str(directory),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**ONE_THREAD, **os.environ, **(environment or {})},
    )
    try:
        async with asyncio.timeout(limit_s):
            out, err = await process.communicate()
    except TimeoutError:
        raise HubError(f"{what} took longer than {limit_s:.0f} s.") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode == 0:
        return out
    said = err.decode(errors="replace").strip().splitlines()
    last = said[-1] if said else "it gave no reason"
    if process.returncode == REFUSED:
        raise InputError(last)
    if process.returncode is not None and process.returncode < 0:
        raise HubError(
            f"{what}: its process was ended by signal {-process.returncode}.",
            hint="Signal 9 often means that memory ran out." if process.returncode == -9 else "",
        )
    raise HubError(f"{what}: {last}")
