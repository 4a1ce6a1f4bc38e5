"""The payment service: attempts to pay an order, their refunds, and the ledger both are counted from."""
