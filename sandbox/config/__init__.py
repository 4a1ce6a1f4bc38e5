"""How the sandbox is put together: settings, the ports, the WSGI entry. No behaviour of any neighbour."""
