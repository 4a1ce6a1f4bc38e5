"""Cross-service tests only: what one service promises alone is tested beside its code."""
