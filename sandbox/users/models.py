"""Accounts as UserService keeps them, and the tokens it took back."""

import uuid
from datetime import datetime, timedelta

from django.db import models
from django.utils import timezone

NEW_ACCOUNT_AGE = timedelta(minutes=10)


class Account(models.Model):
    user_id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    username = models.CharField(max_length=64)
    email = models.EmailField(unique=True)
    password = models.CharField(max_length=128)
    privilege = models.IntegerField(default=0, help_text="1: administrator")
    avatar = models.CharField(max_length=16, blank=True)
    created_at = models.DateTimeField()
    is_always_new = models.BooleanField(default=False, help_text="for risk rules about new accounts")

    class Meta:
        db_table = "account"

    @property
    def opened_at(self) -> datetime:
        return timezone.now() - NEW_ACCOUNT_AGE if self.is_always_new else self.created_at


class RevokedToken(models.Model):
    digest = models.CharField(max_length=64, primary_key=True)
    revoked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "revoked_token"
