"""The addresses of this machine's interfaces, asked of the kernel.

Room: plain. Peers that found us in Nacos call us by one of them, so each is a Host name we answer to.
"""

import fcntl
import socket
import struct

_SIOCGIFADDR = 0x8915


def own_addresses() -> tuple[str, ...]:
    """The IPv4 address of each interface that has one, loopback too. Asks nobody outside this machine."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        found = (_address(probe, name) for _, name in socket.if_nameindex())
        return tuple(address for address in found if address)


def _address(probe: socket.socket, interface: str) -> str:
    try:
        answer = fcntl.ioctl(probe, _SIOCGIFADDR, struct.pack("256s", interface.encode()[:15]))
    except OSError:  # it has no IPv4 address
        return ""
    return socket.inet_ntoa(answer[20:24])
