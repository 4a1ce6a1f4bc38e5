"""How long each part of a stop may take, in seconds: what the launcher, gunicorn and supervisor agree on.

Room: plain. In the order of a stop: out of the registry, the drain gap (DRAIN_SECONDS), gunicorn's
requests in hand, the agent's end.
"""

# Waiting until the agent is out of the registry. It answers in milliseconds, or Nacos is away.
DEREGISTER = 2.0
# Requests in hand may take this long; then gunicorn ends their threads.
GRACEFUL = 25
# After it the service has hung and is killed.
SERVICE = GRACEFUL + 5.0
AGENT = 3.0


def longest_stop(drain: float) -> float:
    """When a stop that goes wrong in every part is over: what supervisors and containers must allow."""
    return DEREGISTER + drain + SERVICE + AGENT + 2
