"""How the tests of the settings ask: what is wrong with an environment."""

import pytest

from common.config import ConfigError, load

SERVICES = ("OrderService", "PaymentService", "NotificationService")


def problems(service: str, env: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        load(service, env)
    return refused.value.problems


def one_problem(env: dict[str, str], service: str = "PaymentService") -> str:
    found = problems(service, env)
    assert len(found) == 1, found
    return found[0]
