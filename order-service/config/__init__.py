"""How the order service is put together: settings, root addresses, WSGI."""
