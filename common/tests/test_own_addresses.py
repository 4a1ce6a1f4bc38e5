"""The machine's own addresses: complete, and names that a service in production answers to."""

import socket
from pathlib import Path
from typing import Any

from common.django_settings import hosts_of
from common.own_addresses import own_addresses
from common.settings_table import Settings


def test_loopback_is_one_of_them() -> None:
    assert "127.0.0.1" in own_addresses()


def test_each_can_be_listened_on_so_it_is_ours() -> None:
    for address in own_addresses():
        with socket.socket() as door:
            door.bind((address, 0))


def settings(**given: Any) -> Settings:
    return Settings(cfmp_mode="production", allowed_hosts=("shop.example.com",), **given)


def test_in_production_an_instance_answers_to_its_own_addresses_and_to_the_one_it_advertises() -> None:
    assert hosts_of(settings()) == ["shop.example.com", *own_addresses()]
    assert hosts_of(settings(service_advertise_host="10.1.2.3")) == [
        "shop.example.com",
        *own_addresses(),
        "10.1.2.3",
    ]


def test_an_embedded_one_answers_to_loopback_names_alone(tmp_path: Path) -> None:
    assert hosts_of(Settings(allowed_hosts=("shop.example.com",))) == ["127.0.0.1", "localhost", "[::1]"]
