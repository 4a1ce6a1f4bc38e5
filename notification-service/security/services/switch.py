"""Operators' switches: policies on and off, thresholds, the shop's level. Every change is written down."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import F

from common import clock, tracing
from common.errors import Conflict, InvalidInput
from common.transactions import transactional
from security.errors import PolicyNotFound
from security.models import PolicyChange, SecurityPolicy, SecurityPosture
from security.rules import parameter_problems
from security.states import SecurityLevel

# The form of the admin pages changes all of them, the API the first two.
SWITCHABLE = ("is_enabled", "parameters", "outcome", "score", "severity")


@transactional
def policies_switch(*, level: SecurityLevel | None, changes: Sequence[Mapping[str, Any]], actor: str) -> None:
    """Apply all of `changes` ({policy_id, and any of SWITCHABLE}) and the level, or nothing.

    Raises PolicyNotFound, InvalidInput for parameters that do not fit, Conflict when somebody else was
    faster.
    """
    if level is not None:
        _switch_level(level, actor)
    for change in changes:
        _switch_policy(change, actor)


def _switch_level(level: SecurityLevel, actor: str) -> None:
    posture, _ = SecurityPosture.objects.get_or_create(pk=1)
    if posture.security_level == level:
        return
    mine = SecurityPosture.objects.filter(pk=1, version=posture.version)
    if mine.update(security_level=level, version=F("version") + 1, updated_at=clock.now()) != 1:
        raise Conflict
    _write_down(None, {"security_level": posture.security_level}, {"security_level": str(level)}, actor)


def _switch_policy(change: Mapping[str, Any], actor: str) -> None:
    policy = SecurityPolicy.objects.filter(pk=change["policy_id"]).first()
    if policy is None:
        raise PolicyNotFound(fields={"policy_id": [str(change["policy_id"])]})
    wanted = {name: change[name] for name in SWITCHABLE if name in change}
    if "parameters" in wanted:
        _check_parameters(policy, wanted["parameters"])
    after = {name: value for name, value in wanted.items() if getattr(policy, name) != value}
    if not after:
        return
    mine = SecurityPolicy.objects.filter(pk=policy.pk, version=policy.version)
    if mine.update(**after, version=F("version") + 1, updated_at=clock.now()) != 1:
        raise Conflict
    _write_down(policy.pk, {name: getattr(policy, name) for name in after}, after, actor)


def _check_parameters(policy: SecurityPolicy, parameters: Mapping[str, Any]) -> None:
    problems = parameter_problems(policy.kind, parameters)
    if problems:
        raise InvalidInput(fields={f"parameters.{name}": messages for name, messages in problems.items()})


def _write_down(policy_id: int | None, before: dict[str, Any], after: dict[str, Any], actor: str) -> None:
    PolicyChange.objects.create(
        policy_id=policy_id, before=before, after=after, actor=actor, request_id=tracing.current().request_id
    )
