"""The agent: one process beside each running instance that speaks with Nacos for it.

Room: network, a process of its own (`python -m common.nacos_agent`), the only one that imports the SDK. It
registers the instance while that is ready, deregisters it before it stops, and writes what Nacos says to
files (`common.snapshots`) that the instance's processes read.
"""

import os

# gRPC's own log goes around ours, to stderr.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
