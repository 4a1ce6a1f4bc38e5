"""Policies that operators switch, the shop's level, the block list, and a record of every change to them."""

import re
from ipaddress import ip_address
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import models

from common import clock, ids
from common.pii import blind_index
from security.rules import KINDS, Rule, parameter_problems
from security.states import BlockKind, Outcome, SecurityLevel, Severity

BLIND_INDEX = re.compile(r"[0-9a-f]{64}")


class SecurityPolicy(models.Model):
    """One rule: a kind, its parameters, and what a hit leads to (`outcome` at least, `score` added)."""

    policy_id = models.PositiveIntegerField(primary_key=True)
    policy_name = models.CharField(max_length=100)
    policy_name_en = models.CharField(max_length=100, blank=True, default="")
    policy_description = models.CharField(max_length=500, blank=True, default="")
    policy_description_en = models.CharField(max_length=500, blank=True, default="")
    is_enabled = models.BooleanField(default=True)
    kind = models.CharField(max_length=40, choices=[(name, name) for name in KINDS])
    parameters = models.JSONField(default=dict)
    outcome = models.SmallIntegerField(choices=[(o.value, o.name.lower()) for o in Outcome if o])
    score = models.PositiveSmallIntegerField(default=0)
    severity = models.CharField(max_length=10, choices=[(s.value, s.value) for s in Severity])
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=clock.now)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "security_policy"
        ordering = ["policy_id"]
        verbose_name_plural = "security policies"

    def __str__(self) -> str:
        return f"{self.policy_id} {self.policy_name}"

    def clean(self) -> None:
        """Django's hook for forms: parameters must fit the kind."""
        problems = parameter_problems(self.kind, self.parameters or {})
        if problems:
            wrong = "; ".join(f"{name}: {', '.join(messages)}" for name, messages in problems.items())
            raise ValidationError({"parameters": wrong})

    def rule(self) -> Rule:
        """This row as the rules see it."""
        outcome, severity = Outcome(self.outcome), Severity(self.severity)
        return Rule(self.policy_id, self.kind, self.parameters, outcome, self.score, severity)

    def name_in(self, language: str) -> str:
        return (language == "en" and self.policy_name_en) or self.policy_name

    def description_in(self, language: str) -> str:
        return (language == "en" and self.policy_description_en) or self.policy_description


class SecurityPosture(models.Model):
    """The shop's security level: one row, id 1."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    security_level = models.CharField(
        max_length=10,
        choices=[(level.value, level.value) for level in SecurityLevel],
        default=SecurityLevel.MEDIUM,
    )
    version = models.PositiveIntegerField(default=1)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "security_posture"

    def __str__(self) -> str:
        return self.security_level


class PolicyChange(models.Model):
    """Who changed which switch or threshold, from what to what. Append-only."""

    id = models.BigIntegerField(primary_key=True, default=ids.new_id, editable=False)
    # Empty: the shop's level.
    policy_id = models.PositiveIntegerField(null=True, blank=True, db_index=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    actor = models.CharField(max_length=80)
    request_id = models.CharField(max_length=128, blank=True, default="")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "security_policy_change"
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.actor}: {self.before} -> {self.after}"


class BlockEntry(models.Model):
    """A user, address or IP that payments must not come from.

    `value` is a UUID, an IP, or the blind index of an address: the address itself is never stored.
    """

    id = models.BigIntegerField(primary_key=True, default=ids.new_id, editable=False)
    kind = models.CharField(max_length=10, choices=[(kind.value, kind.value) for kind in BlockKind])
    value = models.CharField(max_length=128)
    reason = models.CharField(max_length=255)
    created_by = models.CharField(max_length=80, blank=True, default="")
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "security_block"
        verbose_name_plural = "block entries"
        constraints = [models.UniqueConstraint(fields=["kind", "value"], name="security_block_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"

    def clean(self) -> None:
        """Django's hook for forms."""
        try:
            self.value = self.spelled(self.kind, self.value)
        except ValueError as error:
            raise ValidationError({"value": str(error)}) from error

    @staticmethod
    def spelled(kind: str, value: str) -> str:
        """The one spelling of `value`, as evaluations compare it.

        Raises ValueError for what names nothing.
        """
        text = value.strip().lower()
        if kind == BlockKind.USER:
            return str(UUID(text))
        if kind == BlockKind.IP:
            return str(ip_address(text))
        return text if BLIND_INDEX.fullmatch(text) else blind_index(value)
