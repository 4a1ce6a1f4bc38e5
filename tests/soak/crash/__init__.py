"""Everything dies at once, again and again."""
