"""Who changed which live setting when, or tried to: a table of each service, and figures for `/metrics`."""
