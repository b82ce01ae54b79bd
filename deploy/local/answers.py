"""Exits with 0 if the server of the given kind answers at the given address: `answers.py KIND ADDRESS`."""

import os
import socket
import struct
import sys
import urllib.error
import urllib.request
from urllib.parse import unquote, urlsplit

timeout_s = 3


def exact(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise OSError("closed")
        data += part
    return data


def postgres(address):
    """Asks to be let in; the demand for a password is an answer."""
    url = urlsplit(address)
    with socket.create_connection((url.hostname, url.port or 5432), timeout_s) as connection:
        user = unquote(url.username or "postgres").encode()
        database = url.path.lstrip("/").encode() or user
        content = struct.pack("!I", 196608) + b"user\0" + user + b"\0database\0" + database + b"\0\0"
        connection.sendall(struct.pack("!I", len(content) + 4) + content)
        return exact(connection, 1) == b"R"


def redis(address):
    url = urlsplit(address)
    with socket.create_connection((url.hostname, url.port or 6379), timeout_s) as connection:
        connection.sendall(b"PING\r\n")
        return exact(connection, 5) in (b"+PONG", b"-NOAU")


def kafka(address):
    """Asks for the brokers of the cluster (Metadata, version 1, no topics)."""
    host, _, port = address.split(",")[0].rpartition(":")
    with socket.create_connection((host, int(port)), timeout_s) as connection:
        client = b"nova-servers"
        content = struct.pack("!hhih", 3, 1, 1, len(client)) + client + struct.pack("!i", 0)
        connection.sendall(struct.pack("!i", len(content)) + content)
        (size,) = struct.unpack("!i", exact(connection, 4))
        _, brokers = struct.unpack("!ii", exact(connection, size)[:8])
        return brokers > 0


def clickhouse(address):
    request = urllib.request.Request(address, data=b"SELECT 1")
    user = os.environ.get("NOVA_TEST_CLICKHOUSE_USER")
    if user is not None:
        request.add_header("X-ClickHouse-User", user)
        request.add_header("X-ClickHouse-Key", os.environ.get("NOVA_TEST_CLICKHOUSE_PASSWORD", ""))
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=timeout_s) as answer:
        return answer.read().strip() == b"1"


def s3(address):
    """A request without a signature is refused, by a server that is there."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(address, timeout=timeout_s).close()
    except urllib.error.HTTPError as error:
        return error.code < 500
    return True


kinds = {"s3": s3, "postgres": postgres, "redis": redis, "kafka": kafka, "clickhouse": clickhouse}

if __name__ == "__main__":
    try:
        sys.exit(0 if kinds[sys.argv[1]](sys.argv[2]) else 1)
    except (OSError, ValueError, struct.error, urllib.error.URLError):
        sys.exit(1)
