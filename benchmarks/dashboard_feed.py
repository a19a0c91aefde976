"""Writes a W&B offline run for W&B's LEET: python dashboard_feed.py DIR STEPS STEPS_A_SECOND.

0 a second writes as fast as it goes. Runs in the environment that has wandb.
"""

from __future__ import annotations

import math
import random
import sys
import time

import wandb

directory, steps, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
settings = wandb.Settings(x_disable_stats=True, console="off", silent=True)
rng = random.Random(0)
with wandb.init(mode="offline", project="benchmark", dir=directory, settings=settings) as run:
    print("begun", flush=True)
    for step in range(steps):
        share = step / steps
        run.log(
            {
                "objective/scores": 3 * share + rng.gauss(0, 0.2),
                "objective/kl": 9 * share + abs(rng.gauss(0, 0.4)),
                "loss/policy_avg": rng.gauss(-0.01, 0.01),
                "loss/value_avg": 0.6 * math.exp(-2 * share) + abs(rng.gauss(0, 0.05)),
            }
        )
        if rate:
            time.sleep(1 / rate)
