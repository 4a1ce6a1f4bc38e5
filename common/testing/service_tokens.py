"""Tokens of sibling services, signed with the keys of the embedded run.

Room: testing. For provider tests: "OrderService calls me".
"""

from common import config
from common.embedded import service_private_key
from common.signing import ServiceSigner


def service_token(caller: str, audience: str) -> str:
    """A good token of `caller` ("OrderService") for `audience`, made now."""
    var_dir = config.var_dir_of(config.read_environment())
    return ServiceSigner(caller, service_private_key(var_dir, caller)).token(audience)


def service_authorization(caller: str, audience: str) -> dict[str, str]:
    """The header that carries it."""
    return {"X-Service-Authorization": f"Bearer {service_token(caller, audience)}"}
