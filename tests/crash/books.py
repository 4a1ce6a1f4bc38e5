"""The tables behind the running stack, for what only time would bring and what no address tells."""

import sqlite3
from datetime import datetime
from typing import Any
from uuid import UUID

from tests.conftest import Stack
from tests.mariadb import MariaDB

Order = dict[str, Any]


class Books:
    """MariaDB's shared database, or SQLite's file of each service."""

    def __init__(self, stack: Stack, server: MariaDB | None) -> None:
        self._stack, self._server = stack, server

    def set_order(self, order: Order, **values: datetime) -> None:
        self._set("order", order, values)

    def set_payment(self, order: Order, **values: datetime) -> None:
        self._set("payment", order, values)

    def refund_is_looked_for(self, order: Order, at: datetime) -> None:
        """The sweeper's next look at the order's refunds is `at`."""
        mine = "payment_id IN (SELECT id FROM payment WHERE order_id = %s)"
        statement = f"UPDATE payment_refund SET sync_due_at = %s WHERE {mine} AND sync_due_at IS NOT NULL"
        self._run("payment", statement, at.strftime("%Y-%m-%d %H:%M:%S.%f"), order["order_id"])

    def stock_of(self, product_uuid: str) -> tuple[Any, ...]:
        """(remote_stock, in_flight, unsent) as the order service knows them."""
        columns = "SELECT remote_stock, in_flight, unsent FROM product_stock"
        return self._run("order", f"{columns} WHERE product_uuid = %s", self._uuid(product_uuid))[0]

    def order_of_payment(self, payment_uuid: str, order_uuid: str) -> None:
        """Let the payment belong to another order: it is hidden from its own until it is put back."""
        payment, order = self._uuid(payment_uuid), self._uuid(order_uuid)
        self._run("payment", "UPDATE payment SET order_uuid = %s WHERE payment_uuid = %s", order, payment)

    def orders_with_remark(self, remark: str) -> int:
        return int(self._run("order", "SELECT COUNT(*) FROM `order` WHERE remark = %s", remark)[0][0])

    def run_is_there(self, saga: str, entity: str) -> bool:
        """Whether the saga has been started for this order or payment."""
        service = saga.replace(".", "_").partition("_")[0]
        statement = f"SELECT uuid FROM {service}_saga WHERE name = %s AND entity_uuid = %s"
        return bool(self._run(service, statement, saga, self._uuid(entity)))

    def run_is_due(self, saga: str, entity: str, at: datetime) -> None:
        """The saga's next step is due `at`."""
        service = saga.replace(".", "_").partition("_")[0]
        statement = f"UPDATE {service}_saga SET next_at = %s WHERE name = %s AND entity_uuid = %s"
        self._run(service, statement, at.strftime("%Y-%m-%d %H:%M:%S.%f"), saga, self._uuid(entity))

    def client_is_told(self, payment_uuid: str, at: datetime) -> None:
        """The next try to tell the payment's client is `at`."""
        statement = (
            "UPDATE payment_outbox SET next_at = %s WHERE destination = 'Client' AND aggregate_id = %s"
        )
        self._run("payment", statement, at.strftime("%Y-%m-%d %H:%M:%S.%f"), self._uuid(payment_uuid))

    def alipay_waits_no_longer(self) -> None:
        """Notifications whose notifier died go out again now."""
        self._sqlite("sandbox", "UPDATE alipay_notification SET next_at = created_at", ())

    def alipay_tells(self, order: Order, url: str) -> None:
        """Notifications of this trade go to `url`."""
        statement = "UPDATE alipay_trade SET notify_url = ? WHERE out_trade_no = ?"
        self._sqlite("sandbox", statement, (url, UUID(order["payment_uuid"]).hex))

    def _uuid(self, text: str) -> str:
        """As the column holds it."""
        return text if self._server else text.replace("-", "")

    def _set(self, table: str, order: Order, values: dict[str, datetime]) -> None:
        for column, value in values.items():
            text = value.strftime("%Y-%m-%d %H:%M:%S.%f")
            # Table and column are this module's own words.
            statement = f"UPDATE `{table}` SET {column} = %s WHERE order_id = %s"
            self._run(table, statement, text, order["order_id"])

    def _run(self, service: str, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        if self._server is not None:
            return self._server.run(statement, *values)
        return self._sqlite(service, statement.replace("%s", "?"), values)

    def _sqlite(self, name: str, statement: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self._stack.var / "db" / f"{name}.sqlite3", timeout=20) as connection:
            return list(connection.execute(statement, values))
