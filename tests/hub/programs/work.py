"""The worker, with the tests' kind in its table."""

import sys

from rlhf_tui.runs import worker

worker.KINDS["generate"] = "kinds"
sys.exit(worker.main())
