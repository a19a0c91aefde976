"""The worker, with the tests' kinds in its table."""

import sys

from rlhf_tui.runs import worker

worker.KINDS["sft"] = "kinds"
sys.exit(worker.main())
