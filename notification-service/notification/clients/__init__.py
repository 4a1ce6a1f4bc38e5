"""The neighbours this app asks."""
