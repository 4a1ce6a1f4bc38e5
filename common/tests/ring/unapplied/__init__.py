"""One migration that no test database has: for the readiness probe."""
