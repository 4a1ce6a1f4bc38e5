"""Three doors: the merchants' gateway, the buyers' cashier, the developers' control room."""
