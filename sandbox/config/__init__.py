"""How the sandbox is put together: settings, the port table, the WSGI entry. No behaviour of any neighbour."""
