"""What can be wrong, and the words for it: one row per fault."""

from dataclasses import dataclass, field

# Where a program is started; `{}` in a row's values is that run's own folder.
WEB = ("order-service", "-m", "common.launcher", "web")
WORKER = ("order-service", "-m", "common.launcher", "worker")
GUNICORN = ("payment-service", "-m", "gunicorn", "-c", "../common/gunicorn.py", "config.wsgi")
MIGRATE = ("notification-service", "manage.py", "migrate")
COMMAND = ("payment-service", "manage.py", "audit_money")
SERVER = ("order-service", "manage.py", "runserver", "--noreload", "0")
SANDBOX = ("sandbox", "manage.py", "check")
STACK = (".", "-m", "scripts.stack", "start")
# As started with a Python that has none of the packages.
BARE = ("order-service", "-S", "-m", "common.launcher", "web")

NO_DATABASE = {
    "CFMP_DB_ENGINE": "mysql",
    "CFMP_DB_PORT": "1",
    "CFMP_DB_USER": "nobody",
    "CFMP_DB_PASSWORD": "not-a-word-of-ours",
}
UNREACHED = "The database cannot be reached ("


@dataclass(frozen=True)
class Fault:
    """`said` is what is printed; `documented` the part of it that the document has, when that is not all."""

    program: tuple[str, ...]
    variables: dict[str, str]
    said: str
    documented: str = ""
    damaged: dict[str, str] = field(default_factory=dict)


FAULTS = {
    "number": Fault(WEB, {"SERVICE_PORT": "99999"}, "SERVICE_PORT must be a whole number from 0 to 65535"),
    "seconds": Fault(WEB, {"DRAIN_SECONDS": "soon"}, "DRAIN_SECONDS must be seconds as a plain number"),
    "discovery": Fault(WEB, {"DISCOVERY": "zookeeper"}, "DISCOVERY must be one of static, nacos"),
    "no registry": Fault(WEB, {"DISCOVERY": "nacos"}, "NACOS_SERVER is missing"),
    "mode": Fault(WORKER, {"CFMP_MODE": "prod"}, "CFMP_MODE must be one of embedded, production"),
    "key": Fault(GUNICORN, {"SERVICE_PRIVATE_KEY": "abc"}, "SERVICE_PRIVATE_KEY must be"),
    "key file": Fault(
        MIGRATE,
        {"DJANGO_SECRET_KEY_FILE": "{}/no-such-file"},
        "DJANGO_SECRET_KEY_FILE: {}/no-such-file cannot be read (FileNotFoundError)",
        "cannot be read (",
    ),
    "token keys": Fault(SERVER, {"JWT_KEYS": "[{]"}, "JWT_KEYS must be"),
    "nothing given": Fault(
        WEB, {"CFMP_MODE": "production"}, "SERVICE_PRIVATE_KEY is missing: Ed25519 key", "is missing: …`"
    ),
    "two faults": Fault(COMMAND, {"LOG_LEVEL": "loud", "PII_KEYS": "x"}, "LOG_LEVEL must be one of"),
    "taken port": Fault(
        WEB,
        {"SERVICE_PORT": "{port}"},
        "port {port} on 127.0.0.1 is taken; `ss -ltnp` names the process: end it, or set another",
        "on 127.0.0.1 is taken; `ss -ltnp` names the process",
    ),
    "foreign address": Fault(
        WEB,
        {"SERVICE_HOST": "192.0.2.1"},
        "192.0.2.1:8001 cannot be listened on (",
        "cannot be listened on (",
    ),
    "no address": Fault(
        WEB, {"SERVICE_HOST": "x" * 64}, "SERVICE_HOST={} is no address".format("x" * 64), "is no address of"
    ),
    "run folder": Fault(
        WEB,
        {"SERVICE_RUN_DIR": "/proc/run"},
        "/proc/run cannot be used (No such file or directory): set SERVICE_RUN_DIR",
        "set SERVICE_RUN_DIR to a folder",
    ),
    "long path": Fault(
        WEB,
        {"SERVICE_RUN_DIR": "{}/" + "x" * 100},
        "is too long for a unix socket: set SERVICE_RUN_DIR",
        "is too long for a unix socket",
    ),
    "var folder": Fault(
        WEB,
        {"CFMP_VAR_DIR": "/proc/var"},
        "CFMP_VAR_DIR: /proc/var cannot be used (",
        "CFMP_VAR_DIR: … cannot be used (",
    ),
    "damaged secrets": Fault(
        MIGRATE,
        {},
        "CFMP_VAR_DIR: {}/secrets/embedded.json is damaged",
        "embedded.json is damaged",
        damaged={"secrets/embedded.json": "{"},
    ),
    "database away": Fault(MIGRATE, NO_DATABASE, UNREACHED),
    "database away, a command": Fault(COMMAND, NO_DATABASE, UNREACHED),
    "database away, the stack": Fault(STACK, NO_DATABASE, UNREACHED),
    "database file": Fault(WEB, {"CFMP_DB_NAME": ".."}, "The database file cannot be opened ("),
    "database file, worker": Fault(WORKER, {"CFMP_DB_NAME": ".."}, "The database file cannot be opened ("),
    "no database": Fault(
        MIGRATE, {}, "The database file is none (", damaged={"db/notification.sqlite3": "x" * 4096}
    ),
    "never migrated": Fault(COMMAND, {}, "A table is missing ("),
    "no packages": Fault(
        BARE, {}, "The Python module dotenv is missing in", "The Python module … is missing in"
    ),
    "wrong settings module": Fault(
        WEB,
        {"DJANGO_SETTINGS_MODULE": "config.elsewhere"},
        "The Python module config.elsewhere is missing in",
        "The Python module … is missing in",
    ),
    "sandbox port": Fault(SANDBOX, {"SANDBOX_SHOP_PORT": "shop"}, "SANDBOX_SHOP_PORT must be a whole number"),
    "sandbox in production": Fault(
        SANDBOX, {"CFMP_MODE": "production"}, "it runs only with CFMP_MODE=embedded"
    ),
    "stack": Fault(STACK, {"DRAIN_SECONDS": "soon"}, "DRAIN_SECONDS must be seconds as a plain number"),
}
