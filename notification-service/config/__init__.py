"""Settings, root URLs and the WSGI entry of the notification service."""
