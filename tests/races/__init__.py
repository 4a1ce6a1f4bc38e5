"""Races that cross services, over the running stack; those within one service are in its own suite."""
