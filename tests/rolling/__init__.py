"""Every service restarted while people buy: nobody notices."""
