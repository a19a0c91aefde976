"""The tests' hub on a bad day, by files in the workspace's directory.

`busy`: no run gets past its start. `full`: there is no room for what runs write. It ends with
code 70 if its socket is still there when it lets go of the store.
"""

import os
import sys
import time
from pathlib import Path
from typing import Any

from rlhf_tui.hub import arrivals, jobs, server
from rlhf_tui.runs.launch import spawn_supervisor
from rlhf_tui.store.database import Store, StoreFull

root = Path(sys.argv[1])
supervise = Path(__file__).with_name("supervise.py")
take_in, close = arrivals.take_in, Store.close


def slow_start(directory: Path, **named: Any) -> Any:
    while (root / "busy").exists():
        time.sleep(0.01)
    return spawn_supervisor(directory, program=[sys.executable, str(supervise)], **named)


async def without_room(*arguments: Any, **named: Any) -> Any:
    if (root / "full").exists():
        (root / "was-full").touch()
        raise StoreFull("There is no room left.")
    return await take_in(*arguments, **named)


def watched_close(store: Store) -> None:
    if (root / "hub.sock").exists() or (root / "hub.json").exists():
        os._exit(70)
    close(store)


jobs.spawn_supervisor = slow_start
arrivals.take_in = without_room
Store.close = watched_close
sys.exit(server.main())
