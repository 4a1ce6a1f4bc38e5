"""Named leases: they make waiting polite across hosts; conditional UPDATEs make results right."""
