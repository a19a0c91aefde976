"""The hub, with the tests' supervisor."""

import sys
from functools import partial
from pathlib import Path

from rlhf_tui.hub import jobs, server

supervise = Path(__file__).with_name("supervise.py")
jobs.spawn_supervisor = partial(jobs.spawn_supervisor, program=[sys.executable, str(supervise)])
sys.exit(server.main())
