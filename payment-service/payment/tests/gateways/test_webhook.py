"""Sending to a client's own address: signed, bounded, and never where it must not go."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from standardwebhooks import Webhook, WebhookVerificationError

from common import clock
from payment.gateways.names import Names
from payment.gateways.webhook import (
    WebhookSender,
    WebhookUndelivered,
    _Line,
    client_secret,
    webhook_signature,
)
from payment.tests.receiver import Receiver, receiving

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NEXT = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = b'{"type": "payment.succeeded"}'
EVENT = "01900000-0000-7000-8000-00000000e0e0"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def sender(receiver: Receiver, **about: Any) -> WebhookSender:
    allow = (f"http://127.0.0.1:{receiver.port}/hooks",)
    return replace(WebhookSender((SECRET,), allow, only_public=False, seconds=0.5), **about)


def send(sender: WebhookSender, url: str) -> None:
    sender.send(url, event_id=EVENT, body=BODY)


def test_a_receiver_verifies_it_with_the_standards_own_library(receiver: Receiver) -> None:
    send(sender(receiver), f"{receiver.url}?shop=7")

    [(path, headers, body)] = receiver.came
    assert (path, body, headers["webhook-id"]) == ("/hooks/cfmp?shop=7", BODY, EVENT)
    assert receiver.messages(SECRET) == [{"type": "payment.succeeded"}]
    assert headers["Host"] == f"127.0.0.1:{receiver.port}"
    with pytest.raises(WebhookVerificationError):
        receiver.messages(NEXT)


def test_while_the_secret_is_changed_both_sign(receiver: Receiver) -> None:
    send(sender(receiver, secrets=(NEXT, SECRET)), receiver.url)

    assert receiver.messages(SECRET) == receiver.messages(NEXT)


def test_no_client_can_speak_as_us_to_another(receiver: Receiver) -> None:
    send(sender(receiver), receiver.url)

    [(_, headers, body)] = receiver.came
    for secret in (client_secret(SECRET, "localhost"), client_secret(NEXT, "127.0.0.1"), SECRET):
        with pytest.raises(WebhookVerificationError):
            Webhook(secret).verify(body, headers)


def test_our_signature_is_the_librarys() -> None:
    at = clock.now()

    ours = webhook_signature(SECRET, EVENT, int(at.timestamp()), BODY)

    assert ours == Webhook(SECRET).sign(EVENT, at, BODY.decode())


@pytest.mark.parametrize("manner", [400, 404, 500, 503, 301, "redirect", "hang", "drip", "stall", "cut"])
def test_what_is_no_yes_is_sent_again(receiver: Receiver, manner: int | str) -> None:
    receiver.manner = manner

    with pytest.raises(WebhookUndelivered) as refused:
        send(sender(receiver), receiver.url)

    assert not refused.value.hopeless
    assert refused.value.away is (manner in ("hang", "drip", "stall", "cut"))
    # Asked once, and whoever answered with another address was not followed there.
    assert [path for path, *_ in receiver.came] == ["/hooks/cfmp"]


def test_a_receiver_that_has_gone_is_told_no_more(receiver: Receiver) -> None:
    receiver.manner = 410

    with pytest.raises(WebhookUndelivered) as refused:
        send(sender(receiver), receiver.url)

    assert refused.value.hopeless


def test_a_yes_is_enough_however_much_is_said_with_it(receiver: Receiver) -> None:
    receiver.manner = "babble"

    send(sender(receiver), receiver.url)


@pytest.mark.parametrize("manner", ["hang", "drip", "stall"])
def test_nobody_holds_us_longer_than_agreed(receiver: Receiver, manner: str) -> None:
    receiver.manner = manner
    began = time.monotonic()

    with pytest.raises(WebhookUndelivered):
        send(sender(receiver), receiver.url)

    # Not a measurement: a drip that were not cut off would last until the test is over.
    assert time.monotonic() - began < 10


def test_many_addresses_that_do_not_answer_take_no_longer_than_one(receiver: Receiver) -> None:
    # One that waits fills the queue of the deaf one, so that every further connection hangs.
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as deaf,
        socket.create_connection(deaf.getsockname()),
    ):
        url = f"http://shop.invalid:{deaf.getsockname()[1]}/hooks"
        patient = sender(receiver, allow=(url,), names=Names(lambda host, port: ["127.0.0.1"] * 60))
        began = time.monotonic()

        with pytest.raises(WebhookUndelivered, match="TimeoutError"):
            send(patient, url)

    # Not a measurement: half a second for each of them would be half a minute.
    assert time.monotonic() - began < 10


def test_a_dead_address_leaves_time_for_the_next(receiver: Receiver) -> None:
    deaf_at = ("127.0.0.2", receiver.port)
    with socket.create_server(deaf_at, backlog=0), socket.create_connection(deaf_at):
        url = f"http://shop.invalid:{receiver.port}/hooks"
        names = Names(lambda host, port: ["127.0.0.2", "127.0.0.1"])

        send(sender(receiver, allow=(url,), names=names, seconds=4.0), url)

    assert len(receiver.came) == 1


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1"),
        *("224.0.0.1", "255.255.255.255", "::1", "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
        *("64:ff9b::7f00:1", "64:ff9b:1::7f00:1", "2002:7f00:1::", "::7f00:1", "fec0::1", "ff02::1", "::"),
    ],
)
def test_in_production_no_name_leads_into_a_private_network(receiver: Receiver, address: str) -> None:
    public = "93.184.215.14"
    for found in ([address], [public, address]):
        careful = sender(receiver, only_public=True, names=Names(lambda host, port, found=found: found))
        with pytest.raises(WebhookUndelivered, match="private"):
            send(careful, receiver.url)

    assert receiver.came == []


def test_the_connection_goes_to_the_address_that_was_judged(receiver: Receiver) -> None:
    """A name that answers differently a moment later changes nothing: it is asked once."""
    asked: list[str] = []

    def look_up(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    url = f"http://shop.invalid:{receiver.port}/hooks"
    send(sender(receiver, allow=(url,), names=Names(look_up)), url)

    assert asked == ["shop.invalid"]
    assert receiver.came[0][1]["Host"] == f"shop.invalid:{receiver.port}"


def test_a_name_that_dns_does_not_answer_for_is_asked_again_later(receiver: Receiver) -> None:
    """The system's look-up cannot be ended: it goes on alone, and once, while we turn to others."""
    over, asked = threading.Event(), []

    def look_up(host: str, port: int) -> list[str]:
        asked.append(host)
        over.wait(20)
        return ["127.0.0.1"]

    url = f"http://shop.invalid:{receiver.port}/hooks"
    hasty = sender(receiver, allow=(url,), names=Names(look_up), seconds=0.1)
    for _ in range(3):
        with pytest.raises(WebhookUndelivered, match="TimeoutError") as refused:
            send(hasty, url)
        assert refused.value.away and not refused.value.hopeless
    over.set()
    # Until the answer that nobody waits for any more is in.
    assert hasty.names.addresses("shop.invalid", receiver.port, 10.0) == ["127.0.0.1"]
    assert (asked, receiver.came) == (["shop.invalid"], [])

    send(replace(hasty, seconds=5.0), url)

    assert asked == ["shop.invalid"] * 2 and len(receiver.came) == 1


def test_a_name_that_is_unknown_is_asked_for_anew(receiver: Receiver) -> None:
    answers: list[list[str]] = [[], ["127.0.0.1"]]

    def look_up(host: str, port: int) -> list[str]:
        if not (found := answers.pop(0)):
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return found

    url = f"http://shop.invalid:{receiver.port}/hooks"
    patient = sender(receiver, allow=(url,), names=Names(look_up))
    with pytest.raises(WebhookUndelivered, match="gaierror") as refused:
        send(patient, url)
    send(patient, url)

    assert refused.value.away and len(receiver.came) == 1


def test_a_cut_before_there_is_anything_to_cut_counts_too(receiver: Receiver) -> None:
    line = _Line("shop.invalid", receiver.port, ["127.0.0.1"], None)
    with closing(line), line.cut_after(20.0):
        line._cut()
        with pytest.raises(TimeoutError):
            line.request("POST", "/hooks", BODY)

    assert receiver.came == []


def test_a_cut_while_tls_takes_the_socket_over_counts_too(receiver: Receiver) -> None:
    class CutMeanwhile(ssl.SSLContext):
        def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
            wrapped = super().wrap_socket(*args, **options)
            line._cut()
            return wrapped

    line = _Line("shop.invalid", receiver.port, ["127.0.0.1"], CutMeanwhile(ssl.PROTOCOL_TLS_CLIENT))
    with closing(line), line.cut_after(20.0), pytest.raises(TimeoutError):
        line.connect()


def test_a_cut_after_the_receiver_hung_up_is_no_error(receiver: Receiver) -> None:
    line = _Line("shop.invalid", receiver.port, ["127.0.0.1"], None)
    with closing(line), line.cut_after(20.0):
        line.connect()
        line._cut()
        line._cut()

    assert line.was_cut


def test_secrets_are_not_shown() -> None:
    assert SECRET not in repr(WebhookSender((SECRET,), (), only_public=True))


def test_an_address_that_is_not_allowed_any_more_is_not_called(receiver: Receiver) -> None:
    with pytest.raises(WebhookUndelivered) as refused:
        send(sender(receiver, allow=()), receiver.url)

    assert refused.value.hopeless and receiver.came == []


def test_tls_is_verified_for_the_name_that_was_asked_for(tmp_path: Path) -> None:
    server, client = _tls(tmp_path, "shop.invalid")
    with receiving(server) as receiver:
        for name, trust, arrives in (
            ("shop.invalid", client, True),
            ("other.invalid", client, False),
            ("shop.invalid", ssl.create_default_context(), False),
        ):
            url = f"https://{name}:{receiver.port}/hooks"
            there = sender(
                receiver,
                allow=(url,),
                names=Names(lambda host, port: ["127.0.0.1"]),
                trust=trust,
                seconds=5.0,
            )
            if arrives:
                send(there, url)
            else:
                with pytest.raises(WebhookUndelivered, match="SSLCertVerificationError"):
                    send(there, url)
        assert len(receiver.came) == 1


def _tls(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's side for `name`, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = clock.now()
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "both.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))
