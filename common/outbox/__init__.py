"""Events that leave with the transaction that made them: publish, relay, inbox, transport."""
