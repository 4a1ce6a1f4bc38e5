"""The embedded stack on one machine: prepared, started, watched, stopped. `python -m scripts.stack <verb>`.

Watching is supervisor's work; what a service does is its own. Nothing outside the repository is written.
"""
