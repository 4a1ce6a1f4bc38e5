"""The whole stack on a real Nacos."""
