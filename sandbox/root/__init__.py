"""RootService of the sandbox: what runs, how it is configured, and whether it is well."""
