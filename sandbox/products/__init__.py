"""ProductService of the sandbox: Bob's goods and their stock, with the faults of the published service."""
