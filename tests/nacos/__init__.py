"""A real Nacos, real services on it, and everything that can go wrong between them."""
