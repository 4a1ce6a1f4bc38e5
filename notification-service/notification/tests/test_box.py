"""A person's box: lists, details, reading, removing, counting."""

import pytest

from notification.models import Notification

pytestmark = pytest.mark.django_db
LIST = "/api/notifications/"


def titles(answer):
    return [row["title"] for row in answer.json()["results"]["data"]]


def test_the_list_has_the_cfmp_shape(api, alice, write):
    made = write(alice)

    said = api(alice).get(LIST).json()

    assert (said["count"], said["next"], said["previous"]) == (1, None, None)
    assert (said["results"]["code"], said["results"]["message"]) == ("200", "success")
    row = said["results"]["data"][0]
    assert row["id"] == made["id"]
    assert (row["type"], row["type_name"], row["read"], row["is_read"]) == (0, "transaction", False, False)
    assert row["read_at"] is None


def test_the_answers_hold_what_their_schema_says(api, alice, write):
    from notification.serializers import NotificationSerializer

    row = api(alice).get(f"{LIST}{write(alice)['id']}/").json()["data"]

    assert set(row) == set(NotificationSerializer().fields)


def test_newest_first_and_paged(api, alice, write, frozen_clock):
    for number in range(7):
        write(alice, title=f"m{number}")
        frozen_clock.move(seconds=1)

    first = api(alice).get(LIST, {"page_size": 3})
    last = api(alice).get(LIST, {"page_size": 3, "page": 3})

    assert titles(first) == ["m6", "m5", "m4"]
    assert titles(last) == ["m0"]
    assert first.json()["count"] == 7
    assert "page=2" in first.json()["next"] and last.json()["next"] is None


@pytest.mark.parametrize(
    "query, expected",
    [
        ({"type": "transaction"}, {"t"}),
        ({"type": "system"}, {"s"}),
        ({"type": "promotion"}, {"p"}),
        ({"type": "2"}, {"p"}),
        ({"type": "all"}, {"t", "s", "p"}),
        ({"type": ""}, {"t", "s", "p"}),
        ({"read": "true"}, {"s"}),
        ({"read": "false"}, {"t", "p"}),
        ({"is_read": "true"}, {"s"}),
        ({"is_read": "0"}, {"t", "p"}),
        ({"read": "false", "type": "promotion"}, {"p"}),
        ({"related_id": "R-1"}, {"p"}),
    ],
)
def test_filters(api, alice, write, query, expected):
    write(alice, title="t", type=0)
    system = write(alice, title="s", type=1)
    write(alice, title="p", type=2, related_id="R-1")
    api(alice).post(f"{LIST}{system['id']}/read/")

    assert set(titles(api(alice).get(LIST, query))) == expected


@pytest.mark.parametrize(
    "query",
    [
        {"type": "urgent"},
        {"read": "maybe"},
        {"page": "0"},
        {"page": "x"},
        {"page_size": "101"},
        {"page_size": "-1"},
        {"page": "9" * 30},
        {"related_id": "x" * 65},
    ],
)
def test_nonsense_filters_are_refused(api, alice, query):
    answer = api(alice).get(LIST, query)

    assert (answer.status_code, answer.json()["code"]) == (400, "1001")
    assert set(answer.json()["errors"]) == set(query)


def test_a_detail_is_found_by_id_and_uuid_on_both_paths(api, alice, write):
    made = write(alice)
    row = Notification.objects.get()

    for path in (f"{made['id']}/", f"detail/{made['id']}/", f"{row.notification_uuid}/", f"{made['id']}"):
        answer = api(alice).get(LIST + path)
        assert (answer.status_code, answer.json()["data"]["id"]) == (200, made["id"])


@pytest.mark.parametrize("name", ["1", "01900000-0000-7000-8000-0000000000ff", "99999999999999999", "x", "0"])
@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_unknown_ones_are_404(api, alice, name, method):
    assert api(alice).request(method, f"{LIST}{name}/").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_reading_moves_one_message_and_the_count(api, alice, write, method):
    one, _ = write(alice), write(alice)

    answer = api(alice).request(method, f"{LIST}{one['id']}/read/")
    again = api(alice).request(method, f"{LIST}{one['id']}/read/")

    assert answer.status_code == again.status_code == 200
    assert answer.json()["message"] == "已标记为已读"
    assert api(alice).get(f"{LIST}unread-count/").json() == {"code": "200", "unread_count": 1}
    assert Notification.objects.get(pk=one["id"]).read_at is not None
    assert Notification.objects.filter(read=True).count() == 1


def test_reading_again_keeps_the_first_time(api, alice, write, frozen_clock):
    one = write(alice)
    api(alice).post(f"{LIST}{one['id']}/read/")
    first = Notification.objects.get().read_at
    frozen_clock.move(seconds=60)

    api(alice).post(f"{LIST}{one['id']}/read/")

    assert Notification.objects.get().read_at == first


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH"])
def test_read_all_takes_one_type_or_everything(api, alice, write, method):
    for type_ in (0, 0, 1, 2):
        write(alice, type=type_)

    some = api(alice).request(method, f"{LIST}read-all/?type=transaction")
    left = api(alice).get(f"{LIST}unread-count/").json()["unread_count"]
    rest = api(alice).request(method, f"{LIST}read-all/")

    assert (some.json()["data"]["updated"], left) == (2, 2)
    assert rest.json() == {"code": "200", "message": "已标记2条通知为已读", "data": {"updated": 2}}
    assert api(alice).get(f"{LIST}unread-count/").json()["unread_count"] == 0


def test_read_all_refuses_an_unknown_type_and_moves_nothing(api, alice, write):
    write(alice)

    assert api(alice).patch(f"{LIST}read-all/?type=urgent").status_code == 400
    assert Notification.objects.filter(read=True).count() == 0


def test_a_removed_message_is_gone_for_its_reader_and_kept_as_a_fact(api, alice, write, service_api):
    one = write(alice)

    answer = api(alice).delete(f"{LIST}{one['id']}/")

    assert (answer.status_code, answer.json()["message"]) == (200, "通知已删除")
    assert api(alice).get(f"{LIST}{one['id']}/").status_code == 404
    assert api(alice).delete(f"{LIST}{one['id']}/").status_code == 404
    assert api(alice).post(f"{LIST}{one['id']}/read/").status_code == 404
    assert api(alice).get(LIST).json()["count"] == 0
    assert api(alice).get(f"{LIST}unread-count/").json()["unread_count"] == 0
    row = Notification.objects.get()
    assert row.deleted_at is not None and row.read is False


def test_the_unread_count_is_the_number_of_unread_rows(api, alice, bob, write):
    made = [write(alice, type=number % 3) for number in range(9)]
    write(bob)
    for one in made[:2]:
        api(alice).post(f"{LIST}{one['id']}/read/")
    api(alice).delete(f"{LIST}{made[2]['id']}/")
    api(alice).delete(f"{LIST}{made[0]['id']}/")

    for type_ in ("", "transaction", "system", "promotion"):
        counted = api(alice).get(f"{LIST}unread-count/", {"type": type_}).json()["unread_count"]
        listed = api(alice).get(LIST, {"type": type_, "read": "false", "page_size": 100}).json()["count"]
        assert counted == listed
    assert api(alice).get(f"{LIST}unread-count/").json()["unread_count"] == 6


class TestSiblings:
    def test_a_timeline_reads_everybodys_messages_about_one_order(
        self, api, service_api, alice, bob, write, event, deliver
    ):
        deliver(event("order.paid.v1"))
        other = write(alice, related_id="another-order")
        api(alice).delete(f"{LIST}{api(alice).get(LIST).json()['results']['data'][-1]['id']}/")

        said = service_api("OrderService").get(
            LIST, {"related_id": event("order.paid.v1")["data"]["order_uuid"]}
        )

        rows = said.json()["results"]["data"]
        assert {row["user_uuid"] for row in rows} == {str(alice.uuid), str(bob.uuid)}
        assert other["id"] not in {row["id"] for row in rows}

    def test_without_related_id_a_sibling_sees_nothing(self, service_api, alice, write):
        write(alice)

        answer = service_api("OrderService").get(LIST)

        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["related_id"])

    def test_it_may_not_read_single_messages(self, service_api, alice, write):
        one = write(alice)

        assert service_api("OrderService").get(f"{LIST}{one['id']}/").status_code == 401


class TestBudgets:
    @pytest.mark.parametrize("size", [1, 10, 50])
    def test_the_list_takes_two_statements_whatever_its_size(
        self, api, alice, write, event, deliver, count_sql, size
    ):
        for number in range(30):
            write(alice, title=f"m{number}")
            deliver(event("order.paid.v1", version=number))

        with count_sql() as log:
            answer = api(alice).get(LIST, {"page_size": size})

        assert len(answer.json()["results"]["data"]) == min(size, 60)
        assert log.count == 2, log

    def test_the_siblings_list_too(self, service_api, event, deliver, count_sql):
        for number in range(12):
            deliver(event("order.paid.v1", version=number))

        with count_sql() as log:
            service_api("OrderService").get(
                LIST, {"related_id": event("order.paid.v1")["data"]["order_uuid"], "page_size": 24}
            )

        assert log.count == 2, log

    @pytest.mark.parametrize(
        "method, path, most",
        [
            ("GET", "unread-count/", 1),
            ("GET", "unread-count/?type=system", 1),
            ("GET", "{id}/", 1),
            ("POST", "{id}/read/", 2),
            ("PATCH", "read-all/", 1),
            ("DELETE", "{id}/", 2),
            ("GET", "preferences/", 1),
        ],
    )
    def test_the_other_calls_have_theirs(self, api, alice, write, count_sql, method, path, most):
        one = write(alice)

        with count_sql() as log:
            answer = api(alice).request(method, LIST + path.format(**one))

        assert answer.status_code == 200
        assert log.count == most, log

    def test_creating(self, service_api, alice, write, count_sql):
        with count_sql() as log:
            write(alice)

        # The switches, the message, its delivery.
        assert log.count == 3, log
