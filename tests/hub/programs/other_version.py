"""A hub that speaks another version of the protocol."""

import sys

from rlhf_tui.hub import connection, server

connection.PROTOCOL = 99
sys.exit(server.main())
