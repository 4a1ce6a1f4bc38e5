"""Management commands every service has."""
