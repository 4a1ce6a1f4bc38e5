"""The miniature service's one app: concrete rows for every abstract model of common, and a parcel to move about."""
