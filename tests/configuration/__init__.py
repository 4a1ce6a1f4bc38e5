"""Bad configuration: one clear message with what to do, nothing half started."""
