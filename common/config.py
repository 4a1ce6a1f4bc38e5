"""The one place that reads the environment: typed, whole, and with every problem at once.

Room: plain. The table is `common.settings_table` (`SETTINGS`, `Settings`, both handed on from here).
Embedded mode fills what is not given from `common.embedded`; production has no default secret.

Where a value comes from, first found wins: the variable, the file named by `VARIABLE_FILE` (secrets,
keys and certificates), the root `.env`, what embedded mode makes up, the default.
"""

import os
from collections.abc import Collection, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from common import embedded, ports
from common.faults import Misconfigured
from common.live_table import NOTIFY_PATH
from common.setting_types import SUITE, Setting
from common.settings_table import DATABASE_OWNERS, FIELDS, ROOT, SETTINGS, Database, Settings

__all__ = [
    "ROOT",
    "SETTINGS",
    "ConfigError",
    "Database",
    "Settings",
    "load",
    "load_part",
    "read_environment",
    "var_dir_of",
]

# The documented ports of what is found by name.
PORTS = {part: documented for part, (_, documented) in ports.TABLE.items() if part.endswith("Service")}
SHARED_DATABASE = "cfmp_microservices"
_BY_NAME = {setting.name: setting for setting in SETTINGS}
_URLS = {name: f"{name.removesuffix('Service').upper()}_SERVICE_URL" for name in PORTS}
# Long values that are handled as files in practice, though the public ones are no secret.
_FILE_TOO = {"SERVICE_PUBLIC_KEYS", "ALIPAY_PUBLIC_KEY", "ALIPAY_PUBLIC_KEY_NEXT"} | {
    name for name in _BY_NAME if name.endswith(("_CERT", "_CERTS"))
}


class ConfigError(Misconfigured):
    """The environment cannot be used. `problems` has one sentence for each thing to mend."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(
            "The settings have problems:\n" + "\n".join(f"  - {problem}" for problem in problems)
        )


def load(service: str, env: Mapping[str, str] | None = None) -> Settings:
    """The settings of `service` ("OrderService" …). Raises ConfigError with every problem found.

    Without `env` the process's environment is read, and the root `.env` for what it does not have.
    """
    return _Loading(service, read_environment() if env is None else env).settings()


def load_part(service: str, names: Collection[str], env: Mapping[str, str] | None = None) -> Settings:
    """Only the settings called `names`, for a process beside the service that needs no more; all others
    have their defaults.

    Raises ConfigError like `load`.
    """
    return _Loading(service, read_environment() if env is None else env).part(names)


def read_environment(
    dotenv: Path = ROOT / ".env", environ: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The process's environment over the root `.env`, which never overrides it. Raises ConfigError for a
    `.env` that cannot be read whole."""
    given = os.environ if environ is None else environ
    # A secret file named in the environment wins over the same secret written in .env.
    shadowed = {name.removesuffix("_FILE") for name in given if name.endswith("_FILE")}
    written = {name: value for name, value in _written(dotenv).items() if value and name not in shadowed}
    return {**written, **given}


def _written(dotenv: Path) -> dict[str, str | None]:
    """What `dotenv` says. A line that nobody understands may be `CFMP_MODE`: it is not passed over."""
    try:
        text = dotenv.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError as wrong:
        raise ConfigError([f"{dotenv} is not UTF-8 text: save it in that encoding"]) from wrong
    except OSError as wrong:
        raise ConfigError([f"{dotenv} cannot be read: {wrong.strerror}"]) from wrong
    wrong_lines = [line.original.line for line in parse_stream(StringIO(text)) if line.error]
    if wrong_lines:
        raise ConfigError(
            [f"{dotenv}, line {line}: must be NAME=value, quotes closed" for line in wrong_lines]
        )
    return dotenv_values(stream=StringIO(text))


def var_dir_of(env: Mapping[str, str]) -> Path:
    """Where an embedded run keeps what it makes."""
    return Path(env.get("CFMP_VAR_DIR") or ROOT / "var").resolve()


class _Loading:
    """One reading of one environment, collecting problems as it goes."""

    def __init__(self, service: str, env: Mapping[str, str]) -> None:
        self.service = service
        self.env = env
        self.problems: list[str] = []
        self.var_dir = var_dir_of(env)
        # A misspelt mode is a problem below, and must not be taken for the harmless one meanwhile.
        self.production = env.get("CFMP_MODE", "") not in {"", "embedded"}
        self.made_up = {} if self.production else self._embedded()

    def _embedded(self) -> dict[str, str]:
        """Raises ConfigError at once: without these everything else would look missing."""
        # Our Nacos's password is nothing to tell another Nacos.
        own = {} if self.env.get("NACOS_SERVER") else embedded.registry_access(self.var_dir)
        try:
            made_up = embedded.embedded_environment(self.var_dir, self.service, self.env)
        except ValueError:  # a wrong port: its own row complains
            made_up = embedded.embedded_environment(self.var_dir, self.service)
        except Misconfigured as fault:
            raise ConfigError([str(fault)]) from fault
        return {**made_up, **own}

    def settings(self) -> Settings:
        values = _derived({setting.name: self._value(setting) for setting in SETTINGS})
        self._complain_about_missing()
        database = self._database(values)
        if self.production:
            self._judge_production(values, database)
        self._judge(values)
        if self.problems:
            raise ConfigError(sorted(self.problems))
        return Settings(
            **{name.lower(): value for name, value in values.items() if name.lower() in FIELDS},
            **self._worked_out(values, database),
        )

    def part(self, names: Collection[str]) -> Settings:
        values = {name: self._value(_BY_NAME[name]) for name in names}
        if values.get("DISCOVERY") == "nacos":
            self._judge_nacos(values)
        if self.problems:
            raise ConfigError(sorted(self.problems))
        lower = {name.lower(): value for name, value in values.items()}
        return Settings(**lower, service=self.service, var_dir=self.var_dir)

    def _value(self, setting: Setting) -> Any:
        text = self._text(setting)
        if not text:
            return self._default(setting)
        try:
            return setting.read(text)
        except ValueError as problem:
            self.problems.append(f"{setting.name} {problem}")
            return self._default(setting)

    def _default(self, setting: Setting) -> Any:
        return self._own_port() if setting.name == "SERVICE_PORT" else setting.default

    def _own_port(self) -> int:
        try:
            return ports.port_of(self.service, self.env) if self.service in PORTS else 0
        except ValueError:  # its own row complains
            return PORTS[self.service]

    def _text(self, setting: Setting) -> str:
        given = self.env.get(setting.name, "")
        path = self.env.get(f"{setting.name}_FILE", "")
        if path and not (setting.secret or setting.name in _FILE_TOO):
            self.problems.append(
                f"{setting.name}_FILE is not read: only secrets, keys and certificates have files"
            )
            path = ""
        if given and path:
            self.problems.append(f"{setting.name} and {setting.name}_FILE are both given")
        if path and not given:
            return self._file(f"{setting.name}_FILE", path)
        return given or self.made_up.get(setting.name, "")

    def _file(self, name: str, path: str) -> str:
        try:
            text = Path(path).read_text().strip()
        except (OSError, UnicodeDecodeError, ValueError) as problem:
            self.problems.append(f"{name}: {path} cannot be read ({type(problem).__name__})")
            return ""
        if not text:
            self.problems.append(f"{name}: {path} is empty")
        return text

    def _complain_about_missing(self) -> None:
        for setting in SETTINGS:
            if self.service in setting.required_by and not self._given(setting.name):
                self.problems.append(f"{setting.name} is missing: {setting.help}")

    def _given(self, name: str) -> bool:
        """Whether there is a value, good or not: a bad one has its own problem and is not missing, too."""
        return any((self.env.get(name), self.env.get(f"{name}_FILE"), self.made_up.get(name)))

    def _database(self, values: Mapping[str, Any]) -> Database:
        own = DATABASE_OWNERS.get(self.service, "CFMP")
        part = {
            key: values[f"{own}_DB_{key}"] or values[f"CFMP_DB_{key}"]
            for key in ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT", "SOCKET")
        }
        engine = part["ENGINE"] or ("mysql" if self.production else "sqlite")
        if engine == "sqlite":
            short = own.lower() if own != "CFMP" else self.service.lower()
            return Database(engine, str(self.var_dir / "db" / (part["NAME"] or f"{short}.sqlite3")))
        return Database(
            engine,
            part["NAME"] or SHARED_DATABASE,
            part["USER"],
            part["PASSWORD"],
            part["HOST"] or "127.0.0.1",
            part["PORT"] or 3306,
            part["SOCKET"],
        )

    def _judge(self, values: Mapping[str, Any]) -> None:
        if values["DISCOVERY"] == "nacos":
            self._judge_nacos(values)
        self._judge_documents(values)
        wants_secret = values["NOTIFY_URL_ALLOW"] and self.service == "PaymentService"
        if wants_secret and not self._given("WEBHOOK_SECRET"):
            self.problems.append("WEBHOOK_SECRET is missing: NOTIFY_URL_ALLOW lets clients ask for webhooks")
        if not all(map(str.isascii, values["NOTIFY_URL_ALLOW"])):
            self.problems.append("NOTIFY_URL_ALLOW must be ASCII: hosts as xn--…, paths percent-encoded")
        certificates = [
            bool(values[name]) for name in ("ALIPAY_APP_CERT", "ALIPAY_CERTS", "ALIPAY_ROOT_CERT")
        ]
        if any(certificates) and not all(certificates):
            self.problems.append("ALIPAY_APP_CERT, ALIPAY_CERTS and ALIPAY_ROOT_CERT go together")

    def _judge_documents(self, values: Mapping[str, Any]) -> None:
        if not values["CONFIG_DIR"]:
            return
        if values["DISCOVERY"] == "nacos":
            self.problems.append(
                "CONFIG_DIR is for DISCOVERY=static: with nacos the documents come from Nacos"
            )
        elif not Path(values["CONFIG_DIR"]).is_dir():
            self.problems.append(f"CONFIG_DIR: {values['CONFIG_DIR']} is no folder")

    def _judge_nacos(self, values: Mapping[str, Any]) -> None:
        if not self._given("NACOS_SERVER"):
            self.problems.append("NACOS_SERVER is missing: DISCOVERY=nacos needs the host:port of Nacos")
        given = [bool(values[name]) for name in ("NACOS_USERNAME", "NACOS_PASSWORD")]
        if any(given) and not all(given):
            self.problems.append("NACOS_USERNAME and NACOS_PASSWORD go together")
        if self.production and not any(given):
            self.problems.append(
                "NACOS_USERNAME and NACOS_PASSWORD are missing: a Nacos that asks for no password lets "
                "anybody redirect our calls"
            )

    def _judge_production(self, values: Mapping[str, Any], database: Database) -> None:
        if self.service not in SUITE:
            self.problems.append(f"{self.service} is the sandbox's: it never runs in production")
        self.problems += [
            f"{name} was made up by an embedded run: make a new one"
            for name in ("DJANGO_SECRET_KEY", "PII_INDEX_KEY")
            if values[name].startswith(embedded.MARK)
        ]
        reserved = {embedded.JWT_KEY, embedded.JWT_HS256_KEY}
        if reserved & {row["key"] for row in values["JWT_KEYS"]}:
            self.problems.append(f"JWT_KEYS has the sandbox's key ({' or '.join(sorted(reserved))})")
        if any(not prefix.startswith("https://") for prefix in values["NOTIFY_URL_ALLOW"]):
            self.problems.append("NOTIFY_URL_ALLOW must have https addresses only")
        if values["DISCOVERY"] == "static":
            self.problems += [
                f"{name} is missing: {self.service} calls it"
                for name in _URLS.values()
                if not self._given(name)
            ]
        if database.engine == "mysql" and not (database.user and database.password):
            self.problems.append("CFMP_DB_USER and CFMP_DB_PASSWORD (or the service's own) are missing")

    def _worked_out(self, values: Mapping[str, Any], database: Database) -> dict[str, Any]:
        return {
            "service": self.service,
            "var_dir": self.var_dir,
            "database": database,
            "service_urls": {name: values[variable] for name, variable in _URLS.items()},
        }


def _derived(values: dict[str, Any]) -> dict[str, Any]:
    base = values["PUBLIC_BASE_URL"]
    values["ALIPAY_NOTIFY_URL"] = values["ALIPAY_NOTIFY_URL"] or f"{base}{NOTIFY_PATH}"
    values["RETURN_URL_ALLOW"] = values["RETURN_URL_ALLOW"] or (base,)
    return values
