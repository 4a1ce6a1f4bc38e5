"""Risk control for operators.

Cases to release or stop, policies to switch, a block list, and who changed what.
Decisions write rows alone (the case, its history, the event in the outbox); the worker tells the payment.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin

from common.errors import SuiteError
from common.outbox.admin import ReadOnlyAdmin
from security.models import (
    BlockEntry,
    PolicyChange,
    RiskAssessment,
    RiskTransition,
    SecurityPolicy,
    SecurityPosture,
)
from security.services.block import block_lift, block_put
from security.services.decide import assessment_decide
from security.services.switch import policies_switch
from security.states import SecurityLevel

LONGEST_REASON = 255


def _actor(request: HttpRequest) -> str:
    return f"admin:{request.user.get_username()}"[:80]


@admin.register(RiskAssessment)
class RiskAssessmentAdmin(ReadOnlyAdmin, ModelAdmin):
    list_display = ("assessment_uuid", "outcome", "score", "amount", "case_state", "user_uuid", "created_at")
    list_filter = ("case_state", "outcome")
    search_fields = ("assessment_uuid", "payment_uuid", "order_uuid", "user_uuid")
    ordering = ("-created_at",)
    actions = ("release", "stop")
    list_per_page = 50

    def has_decide_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm("security.change_riskassessment"))

    @admin.action(description="放行 · Release", permissions=["decide"])
    def release(self, request: HttpRequest, queryset: QuerySet[RiskAssessment]) -> HttpResponse | None:
        return self._decide(request, queryset, "release")

    @admin.action(description="拦截 · Stop", permissions=["decide"])
    def stop(self, request: HttpRequest, queryset: QuerySet[RiskAssessment]) -> HttpResponse | None:
        return self._decide(request, queryset, "stop")

    def _decide(
        self, request: HttpRequest, queryset: QuerySet[RiskAssessment], decision: str
    ) -> HttpResponse | None:
        """Ask for the reason first; a decision without one cannot be explained later."""
        reason = request.POST.get("reason", "").strip()[:LONGEST_REASON]
        if "confirmed" not in request.POST or not reason:
            return self._ask(request, queryset, decision)
        for case in queryset:
            self._decide_one(request, case, decision, reason)
        return None

    def _decide_one(self, request: HttpRequest, case: RiskAssessment, decision: str, reason: str) -> None:
        try:
            assessment_decide(
                assessment_uuid=case.assessment_uuid,
                decision=decision,
                reason=reason,
                actor=_actor(request),
            )
        except SuiteError as error:
            self.message_user(request, f"{case}: {error.message()}", messages.WARNING)
        else:
            self.message_user(request, f"{case.assessment_uuid}: {decision}")

    def _ask(self, request: HttpRequest, queryset: QuerySet[RiskAssessment], decision: str) -> HttpResponse:
        label = {"release": "放行 · Release", "stop": "拦截 · Stop"}[decision]
        context = {
            **self.admin_site.each_context(request),
            "title": label,
            "label": label,
            "cases": list(queryset),
            "action": decision,
            "checkbox": ACTION_CHECKBOX_NAME,
            "missing": "confirmed" in request.POST,
        }
        return TemplateResponse(request, "security/decide.html", context)


@admin.register(SecurityPolicy)
class SecurityPolicyAdmin(ModelAdmin):
    list_display = (
        "policy_id",
        "policy_name",
        "is_enabled",
        "kind",
        "parameters",
        "outcome",
        "score",
        "severity",
    )
    list_filter = ("is_enabled", "kind")
    fields = (
        "policy_id",
        "policy_name",
        "policy_description",
        "kind",
        "is_enabled",
        "parameters",
        "outcome",
        "score",
        "severity",
    )
    readonly_fields = ("policy_id", "policy_name", "policy_description", "kind")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: SecurityPolicy, form: ModelForm[Any], change: bool
    ) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        policies_switch(level=None, changes=[{"policy_id": obj.pk, **changes}], actor=_actor(request))


@admin.register(SecurityPosture)
class SecurityPostureAdmin(ModelAdmin):
    list_display = ("security_level", "version", "updated_at")
    fields = ("security_level",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(
        self, request: HttpRequest, obj: SecurityPosture, form: ModelForm[Any], change: bool
    ) -> None:
        policies_switch(level=SecurityLevel(obj.security_level), changes=[], actor=_actor(request))


@admin.register(BlockEntry)
class BlockEntryAdmin(ModelAdmin):
    list_display = ("kind", "value", "reason", "created_by", "expires_at", "created_at")
    list_filter = ("kind",)
    search_fields = ("value",)
    fields = ("kind", "value", "reason", "expires_at")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: BlockEntry, form: ModelForm[Any], change: bool) -> None:
        entry = block_put(
            kind=obj.kind,
            value=obj.value,
            reason=obj.reason,
            expires_at=obj.expires_at,
            actor=_actor(request),
        )
        obj.pk = entry.pk

    def delete_model(self, request: HttpRequest, obj: BlockEntry) -> None:
        block_lift(entry_id=obj.pk, actor=_actor(request))

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[BlockEntry]) -> None:
        for entry in queryset:
            block_lift(entry_id=entry.pk, actor=_actor(request))


@admin.register(PolicyChange)
class PolicyChangeAdmin(ReadOnlyAdmin, ModelAdmin):
    list_display = ("created_at", "actor", "policy_id", "before", "after")
    search_fields = ("actor", "request_id")
    list_per_page = 50


@admin.register(RiskTransition)
class RiskTransitionAdmin(ReadOnlyAdmin, ModelAdmin):
    list_display = ("created_at", "entity_uuid", "event", "source", "target", "actor", "reason")
    list_filter = ("event",)
    search_fields = ("entity_uuid", "actor")
    ordering = ("-id",)
    list_per_page = 50
