"""Each service against its own published schema, on the running stack."""
