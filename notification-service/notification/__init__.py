"""Messages to people: stored, translated when read, delivered through channels."""
