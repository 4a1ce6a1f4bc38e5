"""Settings, addresses and the WSGI application of the payment service."""
