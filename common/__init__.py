"""The library every service shares, in rings: plain Python, network, Django, testing. It imports no service."""
