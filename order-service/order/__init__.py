"""The order app: orders, their stock, shipping and cancellation."""
