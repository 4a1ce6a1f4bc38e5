"""UserService of the sandbox: the people, their passwords and their tokens."""
