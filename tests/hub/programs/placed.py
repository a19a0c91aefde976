"""The tests' hub where the file `cgroup` in the workspace's directory says that it is."""

import sys
from functools import partial
from pathlib import Path

from rlhf_tui.hub import jobs, logout, server

logout.CGROUP = Path(sys.argv[1]) / "cgroup"
supervise = Path(__file__).with_name("supervise.py")
jobs.spawn_supervisor = partial(jobs.spawn_supervisor, program=[sys.executable, str(supervise)])
sys.exit(server.main())
