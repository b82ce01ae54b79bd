"""What `test` asks the servers that curl and psql cannot: Redis, Kafka, S3, binary rows, a body that breaks off."""

import hashlib
import hmac
import os
import socket
import struct
import sys
import time
import urllib.request
from urllib.parse import quote, urlsplit

timeout_s = 15


def rows(count):
    return b"".join(struct.pack("<Q", n) + bytes([len(str(n)) + 4]) + b"name%d" % n for n in range(count))


def packed(data, codec):
    """ClickHouse's compressed blocks; the checksum is left empty, as the receiver does not look at it."""
    import pyarrow

    method = {"lz4_raw": 0x82, "zstd": 0x90}[codec]
    for at in range(0, len(data), 256 * 1024):
        plain = data[at:at + 256 * 1024]
        content = pyarrow.compress(plain, codec=codec, asbytes=True)
        yield bytes(16) + struct.pack("<BII", method, len(content) + 9, len(plain)) + content


def broken(address, statement, count):
    """Sends whole rows in a chunk, and goes away before the end of the body."""
    url = urlsplit(address)
    with socket.create_connection((url.hostname, url.port), timeout_s) as connection:
        data = rows(count)
        connection.sendall(
            f"POST /?query={quote(statement)} HTTP/1.1\r\nHost: x\r\nX-ClickHouse-User: nova\r\nX-ClickHouse-Key: nova\r\n"
            f"Transfer-Encoding: chunked\r\n\r\n{len(data):x}\r\n".encode() + data + b"\r\n")
        time.sleep(0.3)


def redis(address, *command):
    url = urlsplit(address)
    with socket.create_connection((url.hostname, url.port), timeout_s) as connection:
        parts = [part.encode() for part in command]
        connection.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(p), p) for p in parts))
        answer = connection.makefile("rb")

        def read():
            line = answer.readline().rstrip().decode()
            kind, value = line[:1], line[1:]
            if kind == "$":
                return answer.read(int(value) + 2)[:-2].decode() if int(value) >= 0 else ""
            if kind == "*":
                return "\n".join(read() for _ in range(int(value)))
            return value

        print(read())


class NotYet(Exception):
    """The partition has no leader yet, or this broker does not know of it: to be asked again."""


def settled(error):
    if error in (3, 5, 6):
        raise NotYet(error)
    if error:
        sys.exit(f"Kafka: error {error}")


class Kafka:
    """As much of the protocol as a topic and a message take: fixed old versions, one partition leader."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.connection = socket.create_connection((host, int(port)), timeout_s)

    def ask(self, key, version, content):
        request = struct.pack("!hhih", key, version, 1, 4) + b"test" + content
        self.connection.sendall(struct.pack("!i", len(request)) + request)
        answer = self.connection.makefile("rb", buffering=0)
        (size,) = struct.unpack("!i", answer.read(4))
        read = b""
        while len(read) < size:
            read += answer.read(size - len(read))
        return read[4:]

    def topics(self):
        self.ask(3, 1, struct.pack("!i", -1))

    @staticmethod
    def text(value):
        return struct.pack("!h", len(value)) + value.encode()

    def exists(self, topic):
        """Metadata 1 asks for the topic and, as old clients do, that it be created if it is missing."""
        answer = self.ask(3, 1, struct.pack("!i", 1) + self.text(topic))
        (brokers,) = struct.unpack_from("!i", answer)
        at = 4
        for _ in range(brokers):
            at += 4
            (size,) = struct.unpack_from("!h", answer, at)
            at += 2 + size + 4
            (size,) = struct.unpack_from("!h", answer, at)
            at += 2 + max(size, 0)
        at += 4
        _, error = struct.unpack_from("!ih", answer, at)
        return "no" if error else "yes"

    def create(self, topic, partitions):
        content = struct.pack("!i", 1) + self.text(topic) + struct.pack("!ihiiib", int(partitions), 1, 0, 0, 10_000, 0)
        answer = self.ask(19, 2, content)
        (error,) = struct.unpack_from("!h", answer, 4 + 4 + 2 + len(topic))
        settled(error)

    def send(self, topic, partition, value):
        """Produce 3, acknowledged by all replicas: one record batch with one record."""
        value = value.encode()
        # attributes, time and offset deltas 0, no key, the value, no headers; lengths are zigzag varints below 64.
        record = bytes([0, 0, 0, 1, 2 * len(value)]) + value + b"\0"
        record = bytes([2 * len(record)]) + record
        now = int(time.time() * 1000)
        body = struct.pack("!hiqqqhii", 0, 0, now, now, -1, -1, -1, 1) + record
        batch = struct.pack("!qiibI", 0, 4 + 1 + 4 + len(body), -1, 2, crc32c(body)) + body
        content = struct.pack("!hhi", -1, -1, 10_000) + struct.pack("!i", 1) + self.text(topic)
        content += struct.pack("!iii", 1, int(partition), len(batch)) + batch
        answer = self.ask(0, 3, content)
        (error,) = struct.unpack_from("!h", answer, 4 + 2 + len(topic) + 4 + 4)
        settled(error)

    def read(self, topic, partition):
        """Fetch 4 from the start; the value of the first record."""
        content = struct.pack("!iiiib", -1, 1000, 1, 1 << 20, 0) + struct.pack("!i", 1) + self.text(topic)
        content += struct.pack("!iiqi", 1, int(partition), 0, 1 << 20)
        answer = self.ask(1, 4, content)
        at = 4 + 4 + 2 + len(topic) + 4
        _, error, _, _, aborted = struct.unpack_from("!ihqqi", answer, at)
        settled(error)
        at += struct.calcsize("!ihqqi") + 16 * max(aborted, 0)
        at += 4 + 61  # the size of the records, the head of the first batch
        if len(answer) <= at:
            sys.exit("Kafka: the partition is empty")
        record = answer[at + 1:]
        return record[5:5 + record[4] // 2].decode()


def crc32c(data):
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF


def kafka(address, command, *arguments):
    end = time.monotonic() + timeout_s
    while True:
        client = Kafka(address)
        try:
            answer = getattr(client, command)(*arguments)
            break
        except NotYet:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
    if answer is not None:
        print(answer)


def s3(address, method, key, body=""):
    """One request for an object of the bucket, signed (AWS Signature Version 4, in the query); prints what comes."""
    access, secret = os.environ["NOVA_TEST_S3_ACCESS_KEY"], os.environ["NOVA_TEST_S3_SECRET_KEY"]
    path = f"/{os.environ['NOVA_TEST_S3_BUCKET']}/{key}"
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = f"{now[:8]}/us-east-1/s3/aws4_request"
    query = "&".join([
        "X-Amz-Algorithm=AWS4-HMAC-SHA256", f"X-Amz-Credential={quote(f'{access}/{scope}', safe='')}",
        f"X-Amz-Date={now}", "X-Amz-Expires=60", "X-Amz-SignedHeaders=host"])
    request = f"{method}\n{path}\n{query}\nhost:{urlsplit(address).netloc}\n\nhost\nUNSIGNED-PAYLOAD"
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = f"AWS4{secret}".encode()
    for part in [*scope.split("/"), text]:
        signature = hmac.digest(signature, part.encode(), "sha256")
    url = f"{address}{path}?{query}&X-Amz-Signature={signature.hex()}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    asked = urllib.request.Request(url, data=body.encode() or None, method=method)
    with opener.open(asked, timeout=timeout_s) as answer:
        sys.stdout.write(answer.read().decode())


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "rows":
        data = rows(int(rest[0]))
        for block in packed(data, rest[1]) if len(rest) > 1 else [data]:
            sys.stdout.buffer.write(block)
    elif what == "broken":
        broken(rest[0], rest[1], int(rest[2]))
    elif what == "redis":
        redis(*rest)
    elif what == "s3":
        s3(*rest)
    else:
        kafka(*rest)
