"""Pages of both families: their shape, their limits, their two queries."""

from collections.abc import Callable
from typing import Any

import pytest

from common.tests.ring.models import Parcel

Api = Callable[..., Any]
LIST = "/api/orders/parcels/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def twenty_five() -> None:
    Parcel.objects.bulk_create(Parcel(weight=number) for number in range(1, 26))


def weights(answer: Any) -> list[int]:
    return [row["weight"] for row in answer.json()["results"]["data"]]


def test_the_first_page_has_ten_and_leads_on(api: Api, twenty_five: None) -> None:
    answer = api().get(LIST)

    assert weights(answer) == list(range(1, 11))
    assert answer.json()["count"] == 25
    assert answer.json()["previous"] is None
    assert answer.json()["next"] == "http://127.0.0.1:9080/api/orders/parcels/?page=2"
    assert {key: answer.json()["results"][key] for key in ("code", "message")} == {
        "code": "200",
        "message": "success",
    }


def test_links_keep_the_filters(api: Api, twenty_five: None) -> None:
    answer = api().get(f"{LIST}?status=paid&sort=a%26b&page=2&page_size=5").json()

    assert (
        answer["next"]
        == "http://127.0.0.1:9080/api/orders/parcels/?status=paid&sort=a%26b&page=3&page_size=5"
    )
    assert answer["previous"].endswith("page=1&page_size=5")


def test_following_the_links_shows_everything_once(api: Api, twenty_five: None) -> None:
    seen, link = [], f"{LIST}?page_size=7"
    while link:
        answer = api().get(link.removeprefix("http://127.0.0.1:9080"))
        seen += weights(answer)
        link = answer.json()["next"]

    assert seen == list(range(1, 26))


def test_a_page_past_the_end_is_empty(api: Api, twenty_five: None) -> None:
    answer = api().get(f"{LIST}?page=4")

    assert answer.status_code == 200
    assert (answer.json()["count"], weights(answer), answer.json()["next"]) == (25, [], None)


@pytest.mark.parametrize(
    "query",
    ["page=0", "page=-1", "page=x", "page=1.5", "page=1e3", "page=9223372036854775808", "page=" + "9" * 5000,
     "page=１", "page= 1", "page=%2B1", "page_size=0", "page_size=101", "page_size=all", "size=0",
     "size=101"],
)  # fmt: skip
def test_nonsense_is_a_field_error(api: Api, query: str) -> None:
    answer = api().get(f"{LIST}?{query}")

    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [query.split("=")[0]]


def test_an_empty_parameter_is_as_good_as_none(api: Api, twenty_five: None) -> None:
    assert len(weights(api().get(f"{LIST}?page=&page_size="))) == 10


@pytest.mark.parametrize("size", [1, 10, 100])
def test_a_page_costs_two_queries_whatever_its_size(
    api: Api, twenty_five: None, count_sql: Callable[..., Any], size: int
) -> None:
    with count_sql() as log:
        api().get(f"{LIST}?page_size={size}")

    assert log.count == 2, log


def test_the_payment_api_counts_its_pages(api: Api, twenty_five: None) -> None:
    answer = api().get(f"{LIST}?size=10&page=3").json()

    assert answer["code"] == 200
    records = answer["data"].pop("records")
    assert answer["data"] == {"total": 25, "page": 3, "size": 10, "pages": 3}
    assert [row["weight"] for row in records] == [21, 22, 23, 24, 25]


def test_an_empty_list_has_no_pages(api: Api) -> None:
    data = api().get(f"{LIST}?size=10").json()["data"]

    assert data == {"records": [], "total": 0, "page": 1, "size": 10, "pages": 0}
