"""The stack as a person handles it: started, stopped, interrupted, killed."""
