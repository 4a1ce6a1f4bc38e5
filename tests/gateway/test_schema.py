"""What APISIX would drop, pass over or stop at is named here first: plugin, option, type, value, bound."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from apisix.check import problems
from apisix.schemas import config_violations, violations
from apisix.table import WITHOUT_KEYS, WITHOUT_REGISTRY, load, load_config
from tests.gateway.tables import changed, entry, put

FOLDER = Path(__file__).resolve().parents[2] / "apisix" / "schema"
PLUGINS = yaml.safe_load((FOLDER / "plugins.yaml").read_text())
RULE = "global_rules/every-request/plugins"
USER = "plugin_configs/user/plugins"


@pytest.mark.parametrize(
    ("place", "said", "breach"),
    [
        # a mistyped plugin
        ("routes/login/plugins/jwt-auht", {}, "routes login: jwt-auht is no plugin"),
        (f"{RULE}/requestid", {}, "global_rules every-request: requestid is no plugin"),
        ("consumers/anonymous/plugins/jwt_auth", {}, "consumers anonymous: jwt_auth is no plugin"),
        # a mistyped option
        (f"{USER}/jwt-auth/key_claim", "key", "plugin_configs user: jwt-auth: Additional properties"),
        (f"{USER}/limit-count/time-window", 1, "plugin_configs user: limit-count: Additional properties"),
        (f"{USER}/api-breaker/unhealthy/failure", 1, "api-breaker: unhealthy: Additional properties"),
        (f"{RULE}/cors/allow_credentials", True, "cors: Additional properties"),
        (f"{RULE}/client-control/max_body_sise", 1, "client-control: Additional properties"),
        (f"{USER}/jwt-auth/_meta/eror_response", "x", "jwt-auth: _meta: Additional properties"),
        (
            "consumers/issuer_hs256/plugins/jwt-auth/secrets",
            "x",
            "issuer_hs256: jwt-auth: Additional properties",
        ),
        # a wrong type
        (f"{USER}/limit-count/count", "2000", "limit-count: count: '2000' is not of type 'integer'"),
        (
            f"{USER}/jwt-auth/claims_to_verify",
            "exp",
            "jwt-auth: claims_to_verify: 'exp' is not of type 'array'",
        ),
        (f"{USER}/jwt-auth/store_in_ctx", "true", "jwt-auth: store_in_ctx: 'true' is not of type 'boolean'"),
        ("routes/orders/methods", "GET", "routes orders: methods: 'GET' is not of type 'array'"),
        ("upstreams/order/retries", True, "upstreams order: retries: True is not of type 'integer'"),
        # a value that is none
        (f"{USER}/jwt-auth/claims_to_verify", ["expiry"], "claims_to_verify.0: 'expiry' is not one of"),
        (f"{USER}/limit-count/policy", "locale", "limit-count: policy: 'locale' is not one of"),
        (f"{USER}/limit-count/key_type", "variable", "limit-count: key_type: 'variable' is not one of"),
        (f"{USER}/serverless-post-function/phase", "rewrites", "serverless-post-function: phase: 'rewrites'"),
        (f"{RULE}/opentelemetry/sampler/name", "parent_based", "sampler.name: 'parent_based' is not one of"),
        ("consumers/issuer_rs256/plugins/jwt-auth/algorithm", "RS265", "algorithm: 'RS265' is not one of"),
        ("routes/orders/methods", ["GTE"], "routes orders: methods.0: 'GTE' is not one of"),
        ("upstreams/order/type", "round-robin", "upstreams order: type: 'round-robin' is not one of"),
        ("upstreams/order/checks/active/type", "htpp", "checks.active.type: 'htpp' is not one of"),
        # a bound
        (f"{USER}/limit-count/count", 0, "limit-count: count: 0 is less than or equal to the minimum"),
        (f"{USER}/limit-count/rejected_code", 42, "limit-count: rejected_code: 42 is less than the minimum"),
        (
            f"{USER}/api-breaker/max_breaker_sec",
            2,
            "api-breaker: max_breaker_sec: 2 is less than the minimum",
        ),
        (f"{USER}/api-breaker/unhealthy/http_statuses", [404], "unhealthy.http_statuses.0: 404 is less than"),
        (f"{USER}/jwt-auth/claims_to_verify", [], "jwt-auth: claims_to_verify: [] should be non-empty"),
        ("upstreams/order/checks/active/healthy/interval", 0, "healthy.interval: 0 is less than the minimum"),
        ("routes/orders/plugins/ip-restriction", {"blacklist": ["a.example"]}, "ip-restriction: blacklist.0"),
        (
            "routes/orders/plugins/ip-restriction",
            {"blacklist": []},
            "ip-restriction: blacklist: [] should be",
        ),
        # what is missing
        (
            "routes/login/plugins/limit-count",
            {"count": 1},
            "limit-count: 'time_window' is a required property",
        ),
        (
            "routes/login/plugins/limit-req",
            {"rate": 1, "burst": 1},
            "limit-req: 'key' is a required property",
        ),
        ("routes/login/plugins/api-breaker", {"max_breaker_sec": 3}, "'break_response_code' is a required"),
        (
            "routes/login/plugins/serverless-pre-function",
            {"phase": "log"},
            "'functions' is a required property",
        ),
        (
            "upstreams/order/timeout",
            {"read": 1},
            "upstreams order: timeout: 'connect' is a required property",
        ),
        ("plugin_configs/user/id", "", "plugin_configs None: id"),
    ],
)
def test_a_mistake_in_the_table_is_named(place: str, said: Any, breach: str) -> None:
    document = copy.deepcopy(dict(load(environ=WITHOUT_KEYS).document))
    put(document, place, said)

    found = "\n".join(violations(document))
    assert breach in found


def test_whole_kinds_too(tmp_path: Path) -> None:
    table = changed(tmp_path, WITHOUT_KEYS, lambda document: document.update(route=document["routes"]))

    assert "route: nothing that APISIX reads" in "\n".join(
        problems(table, load_config(environ=WITHOUT_REGISTRY))
    )


def test_a_key_of_the_wrong_kind_is_named() -> None:
    document = copy.deepcopy(dict(load(environ=WITHOUT_KEYS).document))
    key = entry(document, "consumers", "issuer_rs256")["plugins"]["jwt-auth"]
    key["secret"] = key.pop("public_key")

    found = "\n".join(violations(document))
    assert "issuer_rs256: jwt-auth: 'public_key' is a required property" in found


@pytest.mark.parametrize("plugin", sorted(PLUGINS["plugins"]))
def test_no_plugin_lets_an_unknown_option_pass(plugin: str) -> None:
    document = {"routes": [{"id": "r", "uris": ["/r"], "plugins": {plugin: {"no_such_option": 1}}}]}

    found = "\n".join(violations(document))
    assert (
        f"routes r: {plugin}: Additional properties are not allowed ('no_such_option' was unexpected)"
        in found
    )


@pytest.mark.parametrize(
    ("place", "said", "breach"),
    [
        (["discovery", "nacos", "fetch_intervall"], 2, "discovery.nacos: Additional properties"),
        (["discovery", "nacos", "fetch_interval"], "2", "fetch_interval: '2' is not of type 'integer'"),
        (
            ["discovery", "nacos", "host"],
            "http://127.0.0.1:8848",
            "nacos.host: breaks the rule type array",
        ),
        (["discovery", "nacos", "host"], ["127.0.0.1:8848"], "nacos.host.0: breaks the rule pattern"),
        (["discovery", "nacos", "host"], ["http://a:8848,b:8848"], "nacos.host.0"),
        (
            ["discovery", "nacos", "host"],
            ["http://nacos:" + "p" * 90 + "@n:8848"],
            "breaks the rule maxLength 100",
        ),
        (
            ["nginx_config", "http", "underscores_in_headers"],
            False,
            "underscores_in_headers: False is not one of",
        ),
        (["nginx_config", "envs"], ["JWT KEY"], "nginx_config.envs.0"),
        (["apisix", "router", "http"], "radixtree", "apisix.router.http: 'radixtree' is not one of"),
        (["apisix", "status", "port"], "7085", "apisix.status.port: '7085' is not of type 'integer'"),
        (["apisix", "enable_amdin"], False, "apisix: Additional properties"),
        (["deployment", "role"], "standalone", "deployment.role: 'standalone' is not one of"),
        (["plugin_attr", "opentelemetry"], {}, "plugin_attr: Additional properties"),
        (["plugin_attr", "prometheus", "export_adr"], {}, "plugin_attr.prometheus: Additional properties"),
    ],
)
def test_a_mistake_in_config_yaml_is_named(place: list[str], said: Any, breach: str) -> None:
    config = copy.deepcopy(load_config(environ=WITHOUT_REGISTRY))
    item = config
    for key in place[:-1]:
        item = item[key]
    item[place[-1]] = said

    found = "\n".join(config_violations(config))
    assert breach in found
    assert "ppp" not in found  # a password is never shown


def test_the_facts_are_sound_schemas() -> None:
    for schema in (*PLUGINS["plugins"].values(), *PLUGINS["consumer_plugins"].values(), PLUGINS["meta"]):
        Draft202012Validator.check_schema(schema)
    Draft202012Validator.check_schema(yaml.safe_load((FOLDER / "config.yaml").read_text()))
    for schema in yaml.safe_load((FOLDER / "entries.yaml").read_text())["entries"].values():
        Draft202012Validator.check_schema(schema)
