"""The embedded gateway: `apisix.yaml` translated to Envoy, for machines without a container engine.

What a plugin means is decided by APISIX; here it is only said again in Envoy's words. A plugin that this
package does not know is an error.
"""
