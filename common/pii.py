"""Personal data at rest: encrypted columns, a blind index to find them by, and the means to change keys.

Who may read them is not decided here.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import FieldError
from django.db import models

from common.log import get_logger

log = get_logger(__name__)

# Names, phones and addresses; what is longer (stored answers) is read once and not remembered.
SHORT = 1024


class PiiUnreadable(Exception):
    """A stored value fits none of the keys in PII_KEYS.

    A key was taken away too early, or the row was tampered with.
    """


@lru_cache(maxsize=4)
def _box(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def box() -> MultiFernet:
    """The keys of `PII_KEYS`: the first encrypts, any decrypts."""
    return _box(tuple(settings.CFMP.pii_keys))


def encrypt(text: str) -> str:
    """`text` as a Fernet token.

    The empty text stays empty (there is nothing to hide, and filters stay simple).
    """
    return box().encrypt(text.encode()).decode() if text else ""


def decrypt(token: str) -> str:
    """The text in `token`. Raises PiiUnreadable when no key fits."""
    if not token:
        return ""
    keys = tuple(settings.CFMP.pii_keys)
    return _opened_often(keys, token) if len(token) <= SHORT else _opened(keys, token)


def _opened(keys: tuple[str, ...], token: str) -> str:
    try:
        return _box(keys).decrypt(token.encode()).decode()
    except InvalidToken as error:
        raise PiiUnreadable("no key of PII_KEYS decrypts this value") from error


# A page of orders opens forty short values, most of them the same as a moment ago: a third of its time.
_opened_often = lru_cache(maxsize=4096)(_opened)


def rotate(token: str) -> str:
    """`token` encrypted anew under the first key. Raises PiiUnreadable."""
    if not token:
        return ""
    try:
        return box().rotate(token.encode()).decode()
    except InvalidToken as error:
        raise PiiUnreadable("no key of PII_KEYS decrypts this value") from error


def is_current(token: str) -> bool:
    """Whether `token` is encrypted under the first key already."""
    try:
        Fernet(settings.CFMP.pii_keys[0]).decrypt(token.encode())
    except InvalidToken:
        return False
    return True


def blind_index(text: str) -> str:
    """A keyed digest (64 hex digits) that finds equal texts without telling them.

    Spaces and case do not count.
    """
    normal = "".join(text.split()).casefold()
    return hmac.new(settings.CFMP.pii_index_key.encode(), normal.encode(), hashlib.sha256).hexdigest()


class EncryptedTextField(models.TextField):
    """Text that the database only ever sees encrypted.

    It cannot be filtered by: store a `blind_index` beside it.
    """

    description = "Text encrypted at rest"

    def get_prep_value(self, value: Any) -> Any:
        value = super().get_prep_value(value)
        return value if value is None else encrypt(value)

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> str | None:
        return value if value is None else decrypt(value)

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name == "isnull":
            return super().get_lookup(lookup_name)
        raise FieldError(f"{self.name} is encrypted: filter by its blind index instead of {lookup_name!r}")


def encrypted_fields(model: type[models.Model]) -> Sequence[EncryptedTextField]:
    """The encrypted columns of `model`."""
    return [field for field in model._meta.concrete_fields if isinstance(field, EncryptedTextField)]
