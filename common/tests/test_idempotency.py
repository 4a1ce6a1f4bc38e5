"""`Idempotency-Key`: the same question gets the first answer, and makes nothing twice."""

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction

from common import clock
from common.errors import RequestInProgress
from common.idempotency import claim as keys
from common.idempotency.claim import bind, claim_key, forget_expired
from common.testing.race import race
from common.tests.keyed_views import EndingAPIView, OptionalAPIView, ParcelPackAPIView
from common.tests.ring.models import Parcel, RingIdempotencyKey

pytestmark = pytest.mark.django_db

PACK = "/api/orders/keyed/parcels/"
END = "/api/orders/keyed/endings/"


@pytest.fixture(autouse=True)
def fresh() -> None:
    EndingAPIView.runs.clear()
    OptionalAPIView.runs.clear()
    ParcelPackAPIView.after.clear()


def test_the_same_question_gets_the_first_answer_byte_for_byte(api: Any, alice: Any) -> None:
    first = api(alice).post(PACK, {"weight": 3}, key="k-1")
    again = api(alice).post(PACK, {"weight": 3}, key="k-1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert "Idempotent-Replay" not in first.headers
    assert again.headers["Idempotent-Replay"] == "true"
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert Parcel.objects.count() == 1


def test_without_a_key_nothing_is_kept(api: Any, alice: Any, count_sql: Any) -> None:
    with count_sql() as log:
        api(alice).post(END, {"ending": "200"})

    assert log.count == 0, log
    assert not RingIdempotencyKey.objects.exists()


def test_a_keyed_request_costs_three_statements_more(api: Any, alice: Any, count_sql: Any) -> None:
    with count_sql() as plain:
        api(alice).post(PACK, {"weight": 3})
    with count_sql() as keyed:
        api(alice).post(PACK, {"weight": 3}, key="k-1")
    with count_sql() as replayed:
        api(alice).post(PACK, {"weight": 3}, key="k-1")

    assert keyed.count - plain.count == 3, keyed  # claim, bind, answer
    assert replayed.count == 2, replayed


@pytest.mark.parametrize("body", [{"weight": 4}, {"weight": "3", "more": 1}, {}])
def test_another_body_with_the_same_key_is_refused(api: Any, alice: Any, body: Any) -> None:
    api(alice).post(PACK, {"weight": 3}, key="k-1")

    refused = api(alice).post(PACK, body, key="k-1")

    assert (refused.status_code, refused.json()["code"]) == (422, "1010")
    assert Parcel.objects.count() == 1


def test_the_order_of_names_in_the_body_does_not_matter_the_query_does(api: Any, alice: Any) -> None:
    api(alice).post(END, body=b'{"ending":"200","a":1}', key="k-1")

    assert api(alice).post(END, body=b'{"a": 1, "ending": "200"}', key="k-1").status_code == 200
    assert api(alice).post(END + "?a=2", body=b'{"a": 1, "ending": "200"}', key="k-1").status_code == 422
    assert EndingAPIView.runs == ["200"]


def test_a_key_belongs_to_one_caller_and_one_path(
    api: Any, service_api: Any, alice: Any, mallory: Any
) -> None:
    mine = api(alice).post(PACK, {"weight": 3}, key="k-1").json()["data"]
    hers = api(mallory).post(PACK, {"weight": 3}, key="k-1")
    service = service_api("PaymentService").post(PACK, {"weight": 3}, key="k-1")
    api(alice).post(END, {"ending": "200"}, key="k-1")
    other = api(alice).post("/api/orders/keyed/other/", {"ending": "200"}, key="k-1")

    assert "Idempotent-Replay" not in hers.headers
    assert "Idempotent-Replay" not in service.headers
    assert "Idempotent-Replay" not in other.headers
    assert (
        len({mine["parcel_uuid"], hers.json()["data"]["parcel_uuid"], service.json()["data"]["parcel_uuid"]})
        == 3
    )


def test_a_nameless_caller_has_no_keys(api: Any) -> None:
    for _ in range(2):
        assert api().post("/shopping/keyed", {}, key="k-1").status_code == 200
    named = {"x-cloudmall-anonymous-user-key": "visitor-1"}
    for _ in range(2):
        api().post("/shopping/keyed", {}, key="k-1", headers=named)

    assert len(OptionalAPIView.runs) == 3


@pytest.mark.parametrize("key", ["", " ", "ключ", "a b", "x" * 256, "tab\tbed"])
def test_an_unreadable_key_is_refused(api: Any, alice: Any, key: str) -> None:
    answer = api(alice).post(END, {"ending": "200"}, key=key)

    assert (answer.status_code, answer.json()["code"]) == (400, "1001")
    assert EndingAPIView.runs == []


@pytest.mark.parametrize("ending", ["200", "201", "400", "404", "plain"])
def test_final_answers_are_kept(api: Any, alice: Any, ending: str) -> None:
    first = api(alice).post(END, {"ending": ending}, key="k-1")
    again = api(alice).post(END, {"ending": ending}, key="k-1")

    assert EndingAPIView.runs == [ending]
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["Idempotent-Replay"] == "true"


@pytest.mark.parametrize("ending", ["409", "429", "504", "202", "503"])
def test_passing_answers_are_never_kept(api: Any, alice: Any, ending: str) -> None:
    for _ in range(2):
        answer = api(alice).post(END, {"ending": ending}, key="k-1")
        assert answer.status_code == int(ending)
        assert "Idempotent-Replay" not in answer.headers

    assert EndingAPIView.runs == [ending, ending]
    assert not RingIdempotencyKey.objects.exists()


def test_while_it_runs_the_same_question_is_told_to_come_back(api: Any, alice: Any) -> None:
    _stop_in_the_middle(api, alice, before_binding=True)

    answer = api(alice).post(PACK, {"weight": 3}, key="k-1")

    assert (answer.status_code, answer.json()["code"]) == (409, "1011")
    assert 1 <= int(answer.headers["Retry-After"]) <= 5
    assert not Parcel.objects.exists()


def _stop_in_the_middle(api: Any, alice: Any, *, before_binding: bool) -> None:
    """Leave the rows as a process killed in that moment leaves them."""
    if before_binding:
        api(alice).post(PACK, {"weight": 3}, key="k-1")
        Parcel.objects.all().delete()
        RingIdempotencyKey.objects.update(
            resource_uuid=None, resource_type="", answer_status=None, answer=None
        )
        return
    api(alice).post(PACK, {"weight": 3}, key="k-1")
    RingIdempotencyKey.objects.update(answer_status=None, answer=None)


def test_killed_before_it_made_anything_the_key_is_free_after_its_lease(
    api: Any, alice: Any, frozen_clock: Any
) -> None:
    _stop_in_the_middle(api, alice, before_binding=True)
    frozen_clock.move(seconds=keys.RUNNING.total_seconds() + 1)

    answer = api(alice).post(PACK, {"weight": 3}, key="k-1")

    assert answer.status_code == 201
    assert "Idempotent-Replay" not in answer.headers
    assert Parcel.objects.count() == 1


def test_killed_before_the_answer_it_is_rebuilt_from_what_was_made(
    api: Any, alice: Any, frozen_clock: Any
) -> None:
    _stop_in_the_middle(api, alice, before_binding=False)
    parcel = Parcel.objects.get()
    assert (
        api(alice).post(PACK, {"weight": 3}, key="k-1").status_code == 409
    )  # it may still be about to answer
    frozen_clock.move(seconds=keys.RUNNING.total_seconds() + 1)

    answer = api(alice).post(PACK, {"weight": 3}, key="k-1")

    assert (answer.status_code, answer.headers["Idempotent-Replay"]) == (201, "true")
    assert answer.json()["data"]["parcel_uuid"] == str(parcel.parcel_uuid)
    assert Parcel.objects.count() == 1


def test_a_failure_after_the_commit_is_rebuilt_at_once(api: Any, alice: Any) -> None:
    from common.errors import PeerTimeout

    ParcelPackAPIView.after.append(PeerTimeout(peer="PaymentService"))
    first = api(alice).post(PACK, {"weight": 3}, key="k-1")

    again = api(alice).post(PACK, {"weight": 3}, key="k-1")

    assert (first.status_code, again.status_code) == (504, 201)
    assert again.headers["Idempotent-Replay"] == "true"
    assert Parcel.objects.count() == 1


def test_a_view_that_cannot_rebuild_says_what_it_made(api: Any, alice: Any) -> None:
    api(alice).post("/api/orders/keyed/unrebuildable/", {}, key="k-1")

    answer = api(alice).post("/api/orders/keyed/unrebuildable/", {}, key="k-1")

    assert answer.status_code == 409
    assert answer.json()["data"] == {"resource": "parcel", "uuid": str(Parcel.objects.get().parcel_uuid)}
    assert Parcel.objects.count() == 1


def test_the_key_commits_with_what_it_is_bound_to() -> None:
    claim = claim_key("d" * 64, "b" * 64)
    token = keys.current.set(claim)  # type: ignore[arg-type]
    try:
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            bind("parcel", uuid.uuid4())
            raise ZeroDivisionError
        assert RingIdempotencyKey.objects.get().resource_uuid is None
        with pytest.raises(RuntimeError):
            bind("parcel", uuid.uuid4())
    finally:
        keys.current.reset(token)


def test_a_request_that_outlived_its_lease_makes_nothing(frozen_clock: Any) -> None:
    slow = claim_key("d" * 64, "b" * 64)
    frozen_clock.move(seconds=61)
    claim_key("d" * 64, "b" * 64)  # another has taken over

    token = keys.current.set(slow)  # type: ignore[arg-type]
    try:
        with pytest.raises(RequestInProgress), transaction.atomic():
            bind("parcel", uuid.uuid4())
    finally:
        keys.current.reset(token)
    keys.keep_answer(slow, 200, "late")  # type: ignore[arg-type]
    keys.let_go(slow)  # type: ignore[arg-type]

    row = RingIdempotencyKey.objects.get()
    assert (row.resource_uuid, row.answer_status, row.fence) == (None, None, 2)


def test_what_is_bound_in_the_last_moment_is_not_taken_over(frozen_clock: Any) -> None:
    slow = claim_key("d" * 64, "b" * 64)
    frozen_clock.move(seconds=61)
    seen = RingIdempotencyKey.objects.get()  # by a second request, which finds it abandoned
    token = keys.current.set(slow)  # type: ignore[arg-type]
    with transaction.atomic():
        bind("parcel", uuid.uuid4())
    keys.current.reset(token)

    with pytest.raises(RequestInProgress):
        keys._take_over(seen, "b" * 64, clock.now())

    assert RingIdempotencyKey.objects.get().resource_uuid is not None


def test_after_a_day_the_key_is_new_again_also_for_another_body(
    api: Any, alice: Any, frozen_clock: Any
) -> None:
    api(alice).post(PACK, {"weight": 3}, key="k-1")
    frozen_clock.move(hours=23)
    assert api(alice).post(PACK, {"weight": 3}, key="k-1").headers["Idempotent-Replay"] == "true"
    frozen_clock.move(hours=1)

    answer = api(alice).post(PACK, {"weight": 9}, key="k-1")

    assert answer.status_code == 201 and "Idempotent-Replay" not in answer.headers
    assert Parcel.objects.count() == 2


def test_expired_keys_are_forgotten(api: Any, alice: Any, frozen_clock: Any) -> None:
    api(alice).post(END, {"ending": "200"}, key="k-1")
    assert forget_expired() == 0
    frozen_clock.move(hours=25)

    assert forget_expired() == 1


def test_the_stored_answer_is_ciphertext(api: Any, alice: Any, db: Any) -> None:
    from django.db import connection

    answer = api(alice).post(PACK, {"weight": 3}, key="k-1")
    with connection.cursor() as cursor:
        cursor.execute("SELECT answer FROM ring_idempotency_key")
        stored = cursor.fetchone()[0]

    assert answer.json()["data"]["parcel_uuid"] not in stored
    assert "weight" not in stored
    assert RingIdempotencyKey.objects.get().answer == answer.content.decode()


@pytest.mark.django_db(transaction=True)
def test_without_the_key_the_same_question_twice_at_once_makes_two(api: Any, alice: Any) -> None:
    race([lambda: api(alice).post(PACK, {"weight": 3})] * 2)

    assert Parcel.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_with_the_key_eight_at_once_make_one(api: Any, alice: Any) -> None:
    answers = race([lambda: api(alice).post(PACK, {"weight": 3}, key="k-1")] * 8)

    statuses = [answer.status_code for answer in answers]
    assert statuses.count(201) >= 1 and set(statuses) <= {201, 409}, statuses
    made = {answer.json()["data"]["parcel_uuid"] for answer in answers if answer.status_code == 201}
    assert made == {str(Parcel.objects.get().parcel_uuid)}


@pytest.mark.django_db(transaction=True)
def test_of_many_that_find_a_dead_key_one_takes_it_over() -> None:
    claim_key("d" * 64, "b" * 64)
    RingIdempotencyKey.objects.update(lease_until=clock.now() - timedelta(seconds=1))

    results = race([lambda: claim_key("d" * 64, "b" * 64)] * 6)

    assert sum(isinstance(result, keys.Claim) for result in results) == 1, results
    assert sum(isinstance(result, RequestInProgress) for result in results) == 5, results
