"""Where a parcel's events go."""

ROUTES = {
    "parcel.sent.v1": (("NotificationService", "/event/inbox"), ("PaymentService", "/event/inbox")),
    "parcel.received.v1": (("NotificationService", "/event/inbox"),),
    "parcel.weighed.v1": (),
}
