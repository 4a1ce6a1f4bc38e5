"""Django settings of the sandbox: small on purpose (no sessions, no admin, no DRF)."""

import secrets
from pathlib import Path

from common.own_addresses import own_addresses
from config.environment import load

SANDBOX = load()
BASE_DIR = Path(__file__).resolve().parent.parent

# Nothing is signed with it that outlives the process.
SECRET_KEY = secrets.token_urlsafe(48)
DEBUG = False
# Loopback names only: the sandbox hands out tokens for a published password. One that listens beyond (in a
# container) is called by the address that Nacos says.
LOOPBACK = ["127.0.0.1", "localhost", "[::1]"]
BEYOND = [] if SANDBOX.host in LOOPBACK else own_addresses()
ALLOWED_HOSTS = [*LOOPBACK, *BEYOND, *SANDBOX.allowed_hosts]
APPEND_SLASH = False

INSTALLED_APPS = ["faults", "users", "products", "root", "alipay_simulator", "shop"]
MIDDLEWARE = ["config.ports.PortMiddleware"]
ROOT_URLCONF = "root.urls"
# Which neighbour answers is decided by the port the connection came in on.
URLCONF_BY_PORT = {
    str(SANDBOX.ports.user): "users.urls",
    str(SANDBOX.ports.product): "products.urls",
    str(SANDBOX.ports.root): "root.urls",
    str(SANDBOX.ports.shop): "shop.urls",
    str(SANDBOX.ports.alipay): "alipay_simulator.urls",
}
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]
WSGI_APPLICATION = "config.wsgi.application"

DATABASE_FILE = SANDBOX.var_dir / "db" / "sandbox.sqlite3"
DATABASE_FILE.parent.mkdir(parents=True, exist_ok=True)
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATABASE_FILE,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "Asia/Shanghai"
LANGUAGE_CODE = "zh-hans"
PASSWORD_HASHERS = ["users.passwords.PublishedPasswordHasher"]

LOGGING_CONFIG = "config.lines.configure"
# Not empty, or Django would not ask.
LOGGING = {"version": 1}
