"""Fault switches of every neighbour: what shall go wrong, how often, and for whom."""
