"""Calls to sibling services: typed questions, typed answers. They never see our tables."""
