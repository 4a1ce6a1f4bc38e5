"""The gateway's contract: one suite for the embedded gateway and for APISIX.

Without GATEWAY_URL it starts Envoy itself, in front of stub services that tell what reached them. With
GATEWAY_URL it talks to that gateway; what only a stub can show is then skipped, and says so.
"""
