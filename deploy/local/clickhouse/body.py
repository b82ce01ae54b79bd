"""The body of a request as a stream of parts: of a given length, or chunked; plain, or in ClickHouse's compressed blocks."""

import re

part_bytes_max = 1024 * 1024
block_bytes_max = 1024 * 1024 * 1024

# Header of a compressed block: a checksum of 16 bytes, then method, compressed size (with this header), plain size.
checksum_bytes = 16
header_bytes = 9
codecs = {0x82: "lz4_raw", 0x90: "zstd"}
method_plain = 0x02


class Broken(Exception):
    """The client went away in the middle of its body."""


class BadBlock(Exception):
    pass


def of(headers, source):
    if "chunked" in headers.get("Transfer-Encoding", "").lower():
        return Body(_chunked(source))
    length = headers.get("Content-Length", "0")
    if not length.isdigit():
        raise Broken
    return Body(_sized(source, int(length)))


def nothing():
    return Body(iter(()))


class Body:
    def __init__(self, plain):
        self.raw = plain
        self.parts = plain
        self.kept = b""

    def __iter__(self):
        if self.kept:
            kept, self.kept = self.kept, b""
            yield kept
        yield from self.parts

    def decompress(self):
        self.parts = _decompressed(self.raw)

    def read_up_to(self, bytes_max):
        """What has come when at least a part is there, at most `bytes_max`; the rest stays to be read."""
        read = b""
        for part in self.parts:
            read += part
            if len(read) >= bytes_max:
                break
        self.kept = read[bytes_max:]
        return read[:bytes_max]

    def read_all(self, bytes_max):
        read = bytearray()
        for part in self:
            read += part
            if len(read) > bytes_max:
                raise BadBlock(f"Code: 62. DB::Exception: Max query size exceeded: more than {bytes_max} bytes. (SYNTAX_ERROR)")
        return bytes(read)

    def discard(self):
        """Reads the body to its end, as the connection can only then carry the next request."""
        self.kept = b""
        for _ in self.raw:
            pass


def _read(source, bytes_wanted):
    try:
        part = source.read(bytes_wanted)
    except OSError as error:
        raise Broken from error
    if len(part) < bytes_wanted:
        raise Broken
    return part


def _sized(source, left):
    while left > 0:
        part = _read(source, min(left, part_bytes_max))
        left -= len(part)
        yield part


def _chunked(source):
    while True:
        line = source.readline(1024)
        try:
            left = int(line.split(b";")[0].strip(), 16)
        except ValueError as error:
            raise Broken from error
        if left == 0:
            # Trailers end with an empty line.
            while line not in (b"\r\n", b"\n"):
                line = source.readline(64 * 1024)
                if not line:
                    raise Broken
            return
        yield from _sized(source, left)
        _read(source, 2)


def _decompressed(parts):
    import pyarrow

    pending = bytearray()
    for part in parts:
        pending += part
        at = 0
        while len(pending) - at >= checksum_bytes + header_bytes:
            start = at + checksum_bytes
            method = pending[start]
            packed = int.from_bytes(pending[start + 1:start + 5], "little")
            plain = int.from_bytes(pending[start + 5:start + 9], "little")
            if packed < header_bytes or plain > block_bytes_max or packed > block_bytes_max:
                raise BadBlock("Code: 271. DB::Exception: Cannot decompress: bad block sizes. (CANNOT_DECOMPRESS)")
            if len(pending) < start + packed:
                break
            content = bytes(pending[start + header_bytes:start + packed])
            yield _plain(pyarrow, method, content, plain)
            at = start + packed
        del pending[:at]
    if pending:
        raise BadBlock("Code: 33. DB::Exception: Cannot read all data of a compressed block. (CANNOT_READ_ALL_DATA)")


def _plain(pyarrow, method, content, plain_bytes):
    if method == method_plain:
        return content
    if method not in codecs:
        raise BadBlock(f"Code: 89. DB::Exception: Unknown compression method: {method}. (UNKNOWN_COMPRESSION_METHOD)")
    try:
        return pyarrow.decompress(content, decompressed_size=plain_bytes, codec=codecs[method]).to_pybytes()
    except (OSError, ValueError) as error:
        raise BadBlock(f"Code: 271. DB::Exception: Cannot decompress a block: {error}. (CANNOT_DECOMPRESS)") from error


def form_fields(content_type, content):
    """The fields of a multipart/form-data body."""
    boundary = re.search(r'boundary="?([^";]+)"?', content_type)
    if not boundary:
        raise BadBlock("Code: 36. DB::Exception: A multipart body without a boundary. (BAD_ARGUMENTS)")
    fields = {}
    for piece in (b"\r\n" + content).split(b"\r\n--" + boundary[1].encode())[1:]:
        if piece.startswith(b"--"):
            break
        head, _, value = piece.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        if name:
            fields[name[1].decode()] = value
    return fields
