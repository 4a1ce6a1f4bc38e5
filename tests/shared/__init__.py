"""Where the rows may live: one database for all services, or one for each."""
