"""The Lua block of apisix.yaml, run in LuaJIT as APISIX runs it: before authentication, and after it.

Only the block is APISIX's here; the two modules it uses are stood in for by the few lines below, which keep
their rules: names in any case, several values of a name, a hundred headers unless all are asked for.
"""

from collections.abc import Callable
from typing import Any

import pytest
from lupa import luajit21

from apisix.table import WITHOUT_KEYS, load
from tests.gateway.test_identity import SPOOFED
from tests.gateway.tokens import ALICE

MALLORY = "01900000-0000-7000-8000-00000000bad0"
FUNCTION = load(environ=WITHOUT_KEYS).global_plugins["serverless-pre-function"]["functions"][0]

STAND_IN = """
local sent = ...   -- {{name, value}, …} as they came
ngx = {null = newproxy(false), req = {}}
function ngx.req.get_headers(most)
  most = most or 100
  local found = {}
  for number, pair in ipairs(sent) do
    if most > 0 and number > most then break end
    local name = pair[1]:lower()
    local had = found[name]
    if had == nil then found[name] = pair[2]
    elseif type(had) == "table" then table.insert(had, pair[2])
    else found[name] = {had, pair[2]} end
  end
  return found
end
local request = {}
function request.headers() return ngx.req.get_headers() end
function request.header(_, name)
  local value = ngx.req.get_headers(0)[name:lower()]
  return type(value) == "table" and value[1] or value
end
function request.set_header(_, name, value)
  local kept = {}
  for _, pair in ipairs(sent) do
    if pair[1]:lower() ~= name:lower() then table.insert(kept, pair) end
  end
  if value ~= nil then table.insert(kept, {name, value}) end
  sent = kept
end
package.loaded["apisix.core"] = {request = request}
return function() return sent end
"""

Headers = list[tuple[str, str]]
Block = Callable[[Headers, dict[str, Any] | None], dict[str, str]]


@pytest.fixture
def block() -> Block:
    def run(headers: Headers, claims: dict[str, Any] | None = None) -> dict[str, str]:
        """What is left of `headers`; `claims` are those of a verified token."""
        lua = luajit21.LuaRuntime()
        sent = lua.table_from([lua.table_from(pair) for pair in headers])
        left = lua.execute(STAND_IN, sent)
        # JSON's null is no nil in Lua.
        payload = {
            name: lua.globals().ngx.null if value is None else value for name, value in (claims or {}).items()
        }
        context = lua.table(jwt_auth_payload=lua.table_from(payload) if claims is not None else None)
        lua.execute(FUNCTION)(None, context)
        return {pair[1].lower(): pair[2] for pair in left().values()}

    return run


@pytest.mark.parametrize("header", SPOOFED)
def test_what_only_the_gateway_may_say_is_stripped(block: Block, header: str) -> None:
    assert block([("Accept", "*/*"), (header, MALLORY), (header.lower(), MALLORY)]) == {"accept": "*/*"}


def test_what_it_need_not_know_stays(block: Block) -> None:
    harmless = [("X-Request-ID", "1"), ("X-Users", "2"), ("UUID-Of-Cart", "3"), ("Authorization", "Bearer x")]

    assert block(harmless) == {name.lower(): value for name, value in harmless}


def test_it_is_stripped_however_much_stands_before_it(block: Block) -> None:
    padding = [(f"X-Pad-{number}", "x") for number in range(150)]

    assert block([*padding, ("X-User-UUID", MALLORY), ("X-Service-Authorization", MALLORY)]) == {
        name.lower(): value for name, value in padding
    }


def test_the_shopping_clients_token_becomes_the_usual_one(block: Block) -> None:
    assert block([("x-cloudmall-access-token", "abc")])["authorization"] == "Bearer abc"


def test_but_does_not_replace_it(block: Block) -> None:
    assert (
        block([("Authorization", "Bearer a"), ("X-Cloudmall-Access-Token", "b")])["authorization"]
        == "Bearer a"
    )


@pytest.mark.parametrize(
    ("claims", "user"),
    [
        ({"user_uuid": ALICE, "user_id": "7", "sub": "8"}, ALICE),
        ({"user_id": "7", "sub": "8"}, "7"),
        ({"user_uuid": None, "user_id": "", "sub": "8"}, "8"),
        ({"user_uuid": True, "user_id": 7}, "7"),
        ({"user_uuid": None}, None),
        ({}, None),
        (None, None),
    ],
)
def test_the_verified_user_goes_on(block: Block, claims: dict[str, Any] | None, user: str | None) -> None:
    assert block([("X-User-UUID", MALLORY), ("x-user-uuid", MALLORY)], claims).get("x-user-uuid") == user
