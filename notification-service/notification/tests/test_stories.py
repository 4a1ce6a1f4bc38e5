"""Whatever happens to a box, in whatever order: counts, lists and rows agree. A state machine tries."""

import os

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from common.testing.people import ALICE, BOB
from notification.models import Notification, NotificationInbox, NotificationPreference

pytestmark = pytest.mark.django_db
# `make soak` looks deeper.
DEEP = bool(os.environ.get("CFMP_DEEP"))
LIST = "/api/notifications/"
KINDS = ("transaction", "system", "promotion")
EVENTS = ("order.created.v1", "order.paid.v1", "payment.refund_failed.v1")


def box_machine(api, write, event, deliver):
    """The machine class over the test's clients; its model is a dictionary id -> (type name, read)."""

    class Box(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            for table in (Notification, NotificationInbox, NotificationPreference):
                table.objects.all().delete()
            self.box, self.muted, self.told = {}, set(), []

        def pick(self, data):
            return data.draw(st.sampled_from(sorted(self.box)))

        @rule(kind=st.integers(0, 2))
        def a_sibling_writes(self, kind):
            made = write(ALICE, type=kind)
            if KINDS[kind] not in self.muted:
                self.box[made["id"]] = (KINDS[kind], False)

        @rule(type_=st.sampled_from(EVENTS))
        def an_event_comes(self, type_):
            self.told.append(event(type_, version=len(self.told)))
            self.deliver(self.told[-1], "told")

        @precondition(lambda self: self.told)
        @rule(data=st.data())
        def an_event_comes_again(self, data):
            self.deliver(data.draw(st.sampled_from(self.told)), "duplicate")

        def deliver(self, one, outcome):
            assert deliver(one) == outcome
            shown = "transaction" not in self.muted or one["type"] == "payment.refund_failed.v1"
            if outcome == "told" and shown:
                row = Notification.objects.get(user_uuid=ALICE.uuid, event_id=one["event_id"])
                self.box[row.id] = ("transaction", False)

        @precondition(lambda self: self.box)
        @rule(data=st.data())
        def alice_reads_one(self, data):
            one = self.pick(data)
            assert api(ALICE).patch(f"{LIST}{one}/read/").status_code == 200
            self.box[one] = (self.box[one][0], True)

        @precondition(lambda self: self.box)
        @rule(data=st.data())
        def alice_removes_one(self, data):
            one = self.pick(data)
            assert api(ALICE).delete(f"{LIST}{one}/").status_code == 200
            del self.box[one]

        @rule(kind=st.sampled_from(("", *KINDS)))
        def alice_reads_all(self, kind):
            api(ALICE).patch(f"{LIST}read-all/?type={kind}")
            self.box = {one: (own, read or kind in ("", own)) for one, (own, read) in self.box.items()}

        @rule(kind=st.sampled_from(KINDS), on=st.booleans())
        def alice_switches(self, kind, on):
            api(ALICE).put(f"{LIST}preferences/", {kind: on})
            (self.muted.discard if on else self.muted.add)(kind)

        @invariant()
        def everything_agrees(self):
            rows = api(ALICE).get(LIST, {"page_size": 100}).json()["results"]["data"]
            assert {row["id"]: (row["type_name"], row["read"]) for row in rows} == self.box
            unread = api(ALICE).get(f"{LIST}unread-count/").json()["unread_count"]
            assert unread == sum(not read for _, read in self.box.values())
            assert all(row["read"] is False for row in api(BOB).get(LIST).json()["results"]["data"])

    return Box


def test_counts_lists_and_rows_always_agree(api, write, event, deliver):
    machine = box_machine(api, write, event, deliver)

    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=100 if DEEP else 6,
            stateful_step_count=15,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
