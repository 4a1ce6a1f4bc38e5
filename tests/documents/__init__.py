"""The documents, checked like code."""
