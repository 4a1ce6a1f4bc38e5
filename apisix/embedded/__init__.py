"""The embedded gateway: `apisix.yaml` translated to Envoy's configuration, for machines without a container engine.

What a plugin means is decided by APISIX; here it is only said again in Envoy's words. A plugin this package does not know is an error.
"""
