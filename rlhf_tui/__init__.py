"""The whole loop of reinforcement learning from human feedback in a terminal."""

__version__ = "0.1.0"
"""Read by the package's metadata too: looking it up there costs every start 15 ms."""
