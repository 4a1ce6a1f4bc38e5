"""What every provider must keep, whoever answers: a new gateway file has to pass this unchanged."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from common.ids import new_uuid
from payment.errors import ProviderUnknown
from payment.gateways.base import Channel, Charge, CloseState, RefundState, TradeState

NOISES = ["timeout", "refused_connection", "html", "bad_sign", "unsigned", "20000", "system_error"]
SUBJECTS = ["茶壶 等3件商品", "a}b{c", 'quote " and \\', "50% / off & more = yes", "x" * 300, "\x00\n\t茶"]


def refund(gateway: Any, charge: Charge, amount: str, number: str = "") -> Any:
    """Ask for `amount` back."""
    return gateway.refund(
        out_trade_no=charge.out_trade_no,
        out_request_no=number or new_uuid().hex,
        amount=Decimal(amount),
        reason="不想要了",
    )


def query_refund(gateway: Any, charge: Charge, number: str = "") -> Any:
    """Ask what became of a refund."""
    return gateway.query_refund(out_trade_no=charge.out_trade_no, out_request_no=number or new_uuid().hex)


CALLS: dict[str, Callable[[Any, Charge], Any]] = {
    "alipay.trade.query": lambda gateway, charge: gateway.query(charge.out_trade_no),
    "alipay.trade.close": lambda gateway, charge: gateway.close(charge.out_trade_no),
    "alipay.trade.refund": lambda gateway, charge: refund(gateway, charge, "1.00"),
    "alipay.trade.fastpay.refund.query": query_refund,
}


def test_the_page_and_the_qr_code_are_offered(world: Any) -> None:
    data = world.gateway.open(world.charge())

    assert data.url.startswith("http") and data.qr_code.startswith("http")


def test_opening_again_is_harmless(world: Any) -> None:
    charge = world.charge()

    first, second = world.gateway.open(charge), world.gateway.open(charge)
    world.scan(charge, second.url)

    assert first.qr_code and second.qr_code
    assert world.gateway.query(charge.out_trade_no).state is TradeState.WAITING


@pytest.mark.parametrize("subject", SUBJECTS)
def test_any_subject_gets_through(world: Any, subject: str) -> None:
    charge = world.paid(subject=subject)

    assert world.gateway.query(charge.out_trade_no).state is TradeState.PAID


def test_a_trade_nobody_opened_does_not_exist(world: Any) -> None:
    charge = world.charge()
    world.gateway.open(charge)

    assert world.gateway.query(charge.out_trade_no).state is TradeState.NOT_EXIST
    assert world.gateway.close(charge.out_trade_no) is CloseState.NOT_EXIST


def test_a_paid_trade_says_how_much_and_when(world: Any) -> None:
    charge = world.paid(amount="0.01")

    trade = world.gateway.query(charge.out_trade_no)

    assert trade.state is TradeState.PAID and trade.word == "TRADE_SUCCESS"
    assert trade.total_amount == Decimal("0.01") and trade.trade_no and trade.paid_at is not None


@pytest.mark.parametrize("channel", [Channel.PAGE, Channel.WAP])
def test_closing_ends_an_unpaid_trade_and_no_other(world: Any, channel: Channel) -> None:
    waiting, paid = world.scanned(channel=channel), world.paid(channel=channel)

    assert world.gateway.close(waiting.out_trade_no) is CloseState.CLOSED
    assert world.gateway.query(waiting.out_trade_no).state is TradeState.CLOSED
    assert world.gateway.close(paid.out_trade_no) is CloseState.REFUSED
    assert world.gateway.query(paid.out_trade_no).state is TradeState.PAID


def test_a_refund_moves_money_once_however_often_it_is_asked_for(world: Any) -> None:
    charge, number = world.paid(), new_uuid().hex

    first = refund(world.gateway, charge, "5.00", number)
    again = refund(world.gateway, charge, "5.00", number)
    known = query_refund(world.gateway, charge, number)

    assert first.state is RefundState.SUCCEEDED and again.state is RefundState.WAITING
    assert known.state is RefundState.SUCCEEDED and known.amount == Decimal("5.00")
    assert world.gateway.query(charge.out_trade_no).state is TradeState.PAID


def test_a_refund_nobody_asked_for_is_not_found(world: Any) -> None:
    assert query_refund(world.gateway, world.paid()).state is RefundState.NOT_FOUND


def test_more_than_was_paid_is_refused_for_good(world: Any) -> None:
    assert refund(world.gateway, world.paid(), "12.01").state is RefundState.FAILED


def test_a_finished_trade_is_refused_for_good(world: Any) -> None:
    charge = world.paid()
    world.finish(charge)

    assert refund(world.gateway, charge, "1.00").state is RefundState.FAILED
    assert world.gateway.query(charge.out_trade_no).state is TradeState.PAID


def test_an_unpaid_trade_gives_nothing_back(world: Any) -> None:
    assert refund(world.gateway, world.scanned(), "1.00").state is RefundState.FAILED


def test_the_whole_back_closes_the_trade(world: Any) -> None:
    charge = world.paid()

    assert refund(world.gateway, charge, "12.00").state is RefundState.SUCCEEDED
    assert world.gateway.query(charge.out_trade_no).state is TradeState.CLOSED


@pytest.mark.parametrize("how", NOISES)
@pytest.mark.parametrize("method", CALLS)
def test_no_noise_is_read_as_an_answer(world: Any, method: str, how: str) -> None:
    charge = world.scanned() if method == "alipay.trade.close" else world.paid()
    world.trouble(method, how)

    with pytest.raises(ProviderUnknown):
        CALLS[method](world.gateway, charge)


@pytest.mark.parametrize("how", ["timeout", "bad_sign", "20000"])
def test_a_refund_whose_answer_was_lost_is_found(world: Any, how: str) -> None:
    charge, number = world.paid(), new_uuid().hex
    world.trouble("alipay.trade.refund", how, after=True)

    with pytest.raises(ProviderUnknown):
        refund(world.gateway, charge, "5.00", number)

    known = query_refund(world.gateway, charge, number)
    assert known.state is RefundState.SUCCEEDED and known.amount == Decimal("5.00")


def test_silence_about_the_code_leaves_the_page_but_not_the_qr_channel(world: Any) -> None:
    world.trouble("alipay.trade.precreate", "system_error")
    assert world.gateway.open(world.charge()).qr_code == ""

    world.trouble("alipay.trade.precreate", "system_error")
    with pytest.raises(ProviderUnknown):
        world.gateway.open(world.charge(channel=Channel.QR))
