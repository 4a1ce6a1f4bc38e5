"""What tests of every service share: people, clock, transport, clients, counts.

Nothing here runs in production.
"""
