"""The library every service shares, in rings: plain, network, Django, testing. It imports no service."""
