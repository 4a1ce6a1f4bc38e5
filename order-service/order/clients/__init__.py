"""The peers this service talks to, one file each; they know HTTP shapes and no tables."""
