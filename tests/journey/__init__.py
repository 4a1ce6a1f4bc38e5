"""The golden journey and its sisters over the whole embedded stack."""
