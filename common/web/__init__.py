"""The HTTP face every service shares: who calls, what a body may be, how answers and errors look.

No business rules.
"""
