"""The error tree: codes for ever, two languages, and what may be tried again."""

import re

import pytest

from common import errors
from common.errors import InvalidInput, PeerRejected, SuiteError, all_errors

OWN = [error for error in all_errors() if error.__module__ == "common.errors"]


def test_every_code_is_used_once() -> None:
    codes = [error.code for error in all_errors()]

    assert codes == sorted(codes)
    assert len(set(codes)) == len(codes)


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = set(re.findall(r"── (\w+) (\d+)/(\d+)", errors.__doc__ or ""))

    assert drawn == {(error.__name__, str(error.code), str(error.status)) for error in OWN}


@pytest.mark.parametrize("error", OWN)
def test_it_speaks_both_languages_without_any_parameter(error: type[SuiteError]) -> None:
    made = error()

    assert re.search(r"[\u4e00-\u9fff]", made.message())
    assert made.message("en").isascii()
    assert "{" not in made.message() + made.message("en")
    assert made.message("fr") == made.message("zh")
    assert made.name == error.__name__


@pytest.mark.parametrize("error", OWN)
def test_the_common_family_has_codes_from_1000_and_an_error_status(error: type[SuiteError]) -> None:
    assert 1000 <= error.code < 2000
    assert 400 <= error.status < 600


def test_parameters_fill_the_message_and_a_hostile_one_does_not_break_it() -> None:
    class Short(SuiteError):
        code, status = 1999, 409
        zh, en = "库存不足:{product}", "Too little stock of {product}"

    assert Short(product="苹果").message() == "库存不足:苹果"
    assert Short(product="{0.__class__}").message("en") == "Too little stock of {0.__class__}"
    assert Short().message("en") == "Too little stock of"


def test_fields_and_data_are_kept() -> None:
    error = InvalidInput(fields={"quantity": ["1 or more"]}, data={"line": 2}, retry_after=3)

    assert error.fields == {"quantity": ["1 or more"]}
    assert (error.data, error.retry_after) == ({"line": 2}, 3)


@pytest.mark.parametrize(
    ("status", "retry_after", "retryable"),
    [(404, None, False), (409, None, False), (409, 2, True), (429, None, True), (403, None, False)],
)
def test_a_refusal_is_final_unless_the_peer_asks_to_come_back(
    status: int, retry_after: int | None, retryable: bool
) -> None:
    error = PeerRejected(peer="PaymentService", peer_status=status, retry_after=retry_after)

    assert error.retryable is retryable
    assert PeerRejected.retryable is False
