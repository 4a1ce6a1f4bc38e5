"""Use cases, one file each, one local transaction each. Nothing here calls out: that is a saga's or flow's
work."""
