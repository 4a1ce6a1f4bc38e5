"""The miniature service's one app: concrete rows for every abstract model, and a parcel to move about."""
