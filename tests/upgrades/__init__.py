"""Two releases of the order service side by side: up, back, up again, and either of them killed."""
