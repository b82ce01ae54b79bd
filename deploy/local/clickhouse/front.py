"""ClickHouse's HTTP interface over the ClickHouse engine as a library, for tests and trials.

Promises:
 * What a client sees (addresses, parameters, formats, statuses, error texts) is what the ClickHouse server shows, as far as
   it is spoken here; what is not spoken is refused with a ClickHouse error and never silently ignored.
 * Every request has an engine session of its own: settings and the current database of one never reach another.
 * An insert is one statement that is fed while its body arrives. A body that breaks off is cancelled, not committed.
 * The data directory belongs to one process. After a kill the next start finds what was committed.
 * An engine that is slow is seen in the log: what is under way each time that a trivial query takes more than a second, and
   where every thread stands each time that it takes ten.

Not spoken: sessions over several requests, roles, compressed answers of the old kind (compress=1).
"""

import argparse
import base64
import collections
import faulthandler
import hmac
import http.client
import os
import re
import signal
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import body as bodies
import statement
from chdb.state import connect

drain_ms_max = 10_000
shown_max = 12
named_chars_max = 4_000
look_s = 5
slow_s = 1
hang_s = 10
head_bytes_max = 256 * 1024
text_bytes_max = 64 * 1024 * 1024

# Parameters of the HTTP interface itself; everything else in the address is a setting of the engine.
interface_parameters = {
    "query", "database", "default_format", "user", "password", "quota_key", "query_id", "wait_end_of_query",
    "buffer_size", "stacktrace", "compress", "decompress", "session_timeout",
}
refused_parameters = {"session_id", "session_check", "role"}

# As the server's own table does it: names of errors by the status they answer with. All others answer 500.
status_of_errors = {
    400: """BAD_ARGUMENTS CANNOT_COMPILE_REGEXP CANNOT_PARSE_TEXT CANNOT_PARSE_ESCAPE_SEQUENCE CANNOT_PARSE_QUOTED_STRING
        CANNOT_PARSE_DATE CANNOT_PARSE_DATETIME CANNOT_PARSE_NUMBER CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING
        CANNOT_PARSE_IPV4 CANNOT_PARSE_IPV6 CANNOT_PARSE_INPUT_ASSERTION_FAILED CANNOT_PARSE_UUID DUPLICATE_COLUMN
        ILLEGAL_COLUMN UNKNOWN_ELEMENT_IN_AST UNKNOWN_TYPE_OF_AST_NODE TOO_DEEP_AST TOO_BIG_AST
        UNEXPECTED_AST_STRUCTURE SYNTAX_ERROR INCORRECT_DATA TYPE_MISMATCH VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE""",
    403: "UNKNOWN_USER WRONG_PASSWORD AUTHENTICATION_FAILED SET_NON_GRANTED_ROLE",
    401: "REQUIRED_PASSWORD",
    404: """UNKNOWN_TABLE UNKNOWN_FUNCTION UNKNOWN_IDENTIFIER UNKNOWN_TYPE UNKNOWN_STORAGE UNKNOWN_DATABASE
        UNKNOWN_SETTING UNKNOWN_DIRECTION_OF_SORTING UNKNOWN_AGGREGATE_FUNCTION UNKNOWN_FORMAT
        UNKNOWN_DATABASE_ENGINE UNKNOWN_TYPE_OF_QUERY UNKNOWN_ROLE""",
    408: "TIMEOUT_EXCEEDED",
    411: "HTTP_LENGTH_REQUIRED",
    413: "QUERY_IS_TOO_LARGE",
    501: "NOT_IMPLEMENTED SUPPORT_IS_DISABLED",
    503: "SOCKET_TIMEOUT CANNOT_SCHEDULE_TASK",
}
status_of_error = {name: status for status, names in status_of_errors.items() for name in names.split()}

content_types = {
    "JSON": "application/json; charset=UTF-8",
    "JSONCompact": "application/json; charset=UTF-8",
    "JSONEachRow": "application/x-ndjson; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8; header=absent",
    "CSVWithNames": "text/csv; charset=UTF-8; header=present",
    "TabSeparated": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
}


def named(text):
    """A statement by its first word and its tables: what else is in it may be personal."""
    text = re.sub(r"'(?:[^'\\]|\\.)*('|$)", "''", text[:named_chars_max])
    tables = re.findall(r"\b(?:FROM|INTO|TABLE)\s+([\w.`]+)", text, re.IGNORECASE)
    return " ".join([re.match(r"\s*(\w*)", text)[1], *tables[:shown_max]])


class Refused(Exception):
    """An error of this front, told in the engine's words."""

    def __init__(self, code, name, text):
        super().__init__(f"Code: {code}. DB::Exception: {text}. ({name})")


class Engine:
    """The data directory. One connection stays open, so that the engine lives as long as the process."""

    def __init__(self, path):
        self.path = path
        self.anchor = connect(path)
        self.version = str(self.anchor.query("SELECT version()", "TSVRaw")).strip()

    def session(self, parameters, read_only):
        """A connection with the request's database, settings and parameters; the caller closes it."""
        connection = connect(self.path)
        try:
            settings = []
            for name, value in parameters:
                if name == "database" and value:
                    connection.query(f"USE {statement.quoted(value, '`')}", "Null")
                elif name not in interface_parameters:
                    if not re.fullmatch(r"\w+", name):
                        raise Refused(115, "UNKNOWN_SETTING", f"Setting {name!r} is neither a builtin setting")
                    settings.append(f"{name} = {statement.quoted(value)}")
            if read_only:
                settings.append("readonly = 2")
            if settings:
                connection.query(f"SET {', '.join(settings)}", "Null")
        except BaseException:
            connection.close()
            raise
        return connection


def look_for_hangs(server, stop):
    """Asks the front what a client asks, again and again. The timer needs no lock of Python's, so it also sees a thread that
    keeps that lock."""
    credentials = {"X-ClickHouse-User": server.user, "X-ClickHouse-Key": server.password}
    while not stop.is_set():
        faulthandler.dump_traceback_later(look_s + hang_s)
        stop.wait(look_s)
        shown = []
        slow = threading.Timer(slow_s, lambda: shown.append(f"{server.under_way()}; threads: {threads()}"))
        slow.start()
        began, cpu, failure = time.monotonic(), time.process_time(), None
        try:
            connection = http.client.HTTPConnection(*server.server_address[:2], timeout=120)
            connection.request("POST", "/", "SELECT 1", credentials)
            found = connection.getresponse().read()
            connection.close()
            if found != b"1\n":
                failure = found.decode(errors="replace")
        except Exception as error:  # whatever it is, the next look may find something else
            failure = repr(error)
        slow.cancel()
        took, used = time.monotonic() - began, time.process_time() - cpu
        if failure and not stop.is_set():
            print(f"FAILED: a trivial query: {failure}", flush=True)
        if took > slow_s:
            print(f"SLOW: a trivial query took {took:.1f} s, {used:.1f} s of processor; load {os.getloadavg()[0]:.1f}; "
                  f"after {slow_s} s {''.join(shown)}", flush=True)


def threads():
    """How many threads of each name do what: R runs or waits for a processor, S waits, D waits for a disk."""
    found = collections.Counter()
    for task in os.listdir("/proc/self/task"):
        try:
            with open(f"/proc/self/task/{task}/stat") as file:
                name, _, rest = file.read().partition("(")[2].rpartition(")")
        except OSError:
            continue  # it has ended
        found[f"{name} {rest.split()[0]}"] += 1
    return ", ".join(f"{count} x {what}" for what, count in found.most_common(shown_max))


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def __init__(self, address, engine, user, password):
        super().__init__(address, Handler)
        self.engine = engine
        self.user = user
        self.password = password
        self.requests = set()
        self.changed = threading.Condition()

    def handle_error(self, request, client_address):
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)

    def drain(self):
        """Waits, for a bounded time, until the requests under way have their answers."""
        end = time.monotonic() + drain_ms_max / 1000
        with self.changed:
            while self.requests and time.monotonic() < end:
                self.changed.wait(end - time.monotonic())

    def under_way(self):
        """The requests that have no answer yet, without what is personal in them."""
        now = time.monotonic()
        with self.changed:
            found = [(now - request.began, request.statement) for request in self.requests]
        found.sort(reverse=True)
        shown = "; ".join(f"{age:.1f} s {statement}" for age, statement in found[:shown_max])
        return f"{len(found)} requests are under way: {shown}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "nova-clickhouse-front"
    disable_nagle_algorithm = True
    wbufsize = 64 * 1024
    rbufsize = 256 * 1024

    def log_message(self, *_):
        """Requests are not logged: they may hold what is personal."""

    def do_GET(self):
        self.serve(read_only=True)

    def do_HEAD(self):
        self.serve(read_only=True)

    def do_POST(self):
        self.serve(read_only=False)

    def serve(self, read_only):
        self.began = time.monotonic()
        self.statement = "?"
        with self.server.changed:
            self.server.requests.add(self)
        self.parts = bodies.nothing()
        try:
            self.parts = bodies.of(self.headers, self.rfile)
            address = urlsplit(self.path)
            if address.path == "/ping" or (address.path == "/" and read_only and not address.query):
                self.answer(200, b"Ok.\n", "text/plain; charset=UTF-8")
            elif address.path != "/":
                self.answer(404, f"There is no handle {address.path}\n".encode(), "text/plain; charset=UTF-8")
            else:
                self.answer_query(parse_qsl(address.query, keep_blank_values=True), read_only)
        except bodies.Broken:
            self.close_connection = True
        except Exception as error:  # the engine's errors have no common class; each becomes an answer
            self.answer_error(error)
        finally:
            with self.server.changed:
                self.server.requests.discard(self)
                self.server.changed.notify_all()

    # --- a query ---

    def answer_query(self, parameters, read_only):
        given = dict(parameters)
        self.authenticate(given)
        for name in refused_parameters & given.keys():
            raise Refused(48, "NOT_IMPLEMENTED", f"The parameter '{name}' is not supported here")
        if given.get("compress", "0") not in ("0", "false"):
            raise Refused(48, "NOT_IMPLEMENTED", "Compressed answers (compress=1) are not supported here")
        if given.get("decompress", "0") not in ("0", "false"):
            self.parts.decompress()
        if self.headers.get("Content-Encoding", "identity") != "identity":
            raise Refused(48, "NOT_IMPLEMENTED", "Content-Encoding of a request is not supported here")
        database = self.headers.get("X-ClickHouse-Database")
        if database and "database" not in given:
            parameters.append(("database", database))

        head = given.get("query", "").encode()
        content_type = self.headers.get("Content-Type", "")
        if content_type.startswith("multipart/form-data"):
            fields = bodies.form_fields(content_type, self.parts.read_all(text_bytes_max))
            head += fields.pop("query", b"")
            parameters += [(name, value.decode()) for name, value in fields.items()]
        elif head:
            head += b"\n"
        insert = statement.insert_with_data(head)
        if insert is None:
            # The statement is not complete in the address: what decides is at the start of the body.
            head += self.parts.read_up_to(head_bytes_max)
            insert = statement.insert_with_data(head)
        if insert is None:
            head += self.parts.read_all(text_bytes_max)
        if not head.strip():
            raise Refused(62, "SYNTAX_ERROR", "Syntax error: Empty query")

        self.statement = named(insert.head if insert else head.decode(errors="replace"))
        output = given.get("default_format") or self.headers.get("X-ClickHouse-Format") or "TabSeparated"
        session = self.server.engine.session(parameters, read_only)
        try:
            if insert:
                if read_only:
                    raise Refused(164, "READONLY", "Cannot execute query in readonly mode")
                self.insert(session, insert)
            else:
                self.query(session, head.decode(), output)
        finally:
            session.close()

    def query(self, session, text, output):
        result = session.query(text, output)
        output = statement.format_of(text) or output
        content_type = content_types.get(output, "application/octet-stream" if "Binary" in output or output == "Native"
                                         else "text/plain; charset=UTF-8")
        summary = f'{{"read_rows":"{result.storage_rows_read()}","read_bytes":"{result.storage_bytes_read()}",' \
                  f'"result_rows":"{result.rows_read()}","elapsed_ns":"{int(result.elapsed() * 1e9)}"}}'
        self.answer(200, result.bytes(), content_type, {"X-ClickHouse-Format": output, "X-ClickHouse-Summary": summary})

    def insert(self, session, insert):
        sink = session.send_insert(insert.head, insert.format)
        try:
            if insert.data:
                sink.append(insert.data)
            for chunk in self.parts:
                sink.append(chunk)
            result = sink.finish()
        except BaseException:
            sink.cancel()
            raise
        summary = f'{{"written_rows":"{result.rows_written}","written_bytes":"{result.bytes_written}"}}'
        self.answer(200, b"", "text/plain; charset=UTF-8", {"X-ClickHouse-Summary": summary})

    def authenticate(self, given):
        user = self.headers.get("X-ClickHouse-User", given.get("user"))
        password = self.headers.get("X-ClickHouse-Key", given.get("password"))
        kind, _, credentials = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "basic":
            try:
                user, _, password = base64.b64decode(credentials, validate=True).decode().partition(":")
            except ValueError:
                user = password = None
        user = "default" if user is None else user
        known = hmac.compare_digest(user.encode(), self.server.user.encode())
        proven = hmac.compare_digest((password or "").encode(), self.server.password.encode())
        if not (known and proven):
            raise Refused(516, "AUTHENTICATION_FAILED", f"{user}: Authentication failed: password is incorrect, "
                          "or there is no user with such name")

    # --- answers ---

    def answer_error(self, error):
        text = str(error)
        found = re.search(r"Code: (\d+)\. (?:DB::|Coordination::)?(?:\w+)?Exception: ", text)
        if found:
            text = text[found.start():]
            code = int(found[1])
        else:
            code = 1002
            text = f"Code: 1002. DB::Exception: {type(error).__name__}: {text}. (UNKNOWN_EXCEPTION)"
        names = re.findall(r"\(([A-Z][A-Z0-9_]+)\)", text)
        text = re.sub(r" \(version [^()]*\)\s*$", "", text)
        text += f" (version {self.server.engine.version} (official build))\n"
        # A client that is still sending hears of the error only after its last byte.
        try:
            self.parts.discard()
        except bodies.Broken:
            self.close_connection = True
            return
        status = next((status_of_error[name] for name in reversed(names) if name in status_of_error), 500)
        self.answer(status, text.encode(), "text/plain; charset=UTF-8", {"X-ClickHouse-Exception-Code": str(code)})

    def answer(self, status, content, content_type, headers=None):
        self.parts.discard()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-ClickHouse-Server-Display-Name", "nova")
        query_id = dict(parse_qsl(urlsplit(self.path).query)).get("query_id") or str(uuid.uuid4())
        self.send_header("X-ClickHouse-Query-Id", re.sub(r"[^\x20-\x7e]", "?", query_id))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()


def main():
    options = argparse.ArgumentParser(description="ClickHouse's HTTP interface over the engine as a library")
    options.add_argument("--data", required=True, help="the data directory")
    options.add_argument("--port", required=True, type=int)
    options.add_argument("--host", default="127.0.0.1")
    arguments = options.parse_args()
    user = os.environ.pop("FRONT_USER", "default")
    password = os.environ.pop("FRONT_PASSWORD", "")

    # The port is taken first: a second process stops here, before it touches the data.
    server = Server((arguments.host, arguments.port), None, user, password)
    server.engine = Engine(arguments.data)
    stop = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=look_for_hangs, args=(server, stop), daemon=True).start()
    print(f"ClickHouse engine {server.engine.version} answers on {arguments.host}:{arguments.port}", flush=True)
    while not stop.wait(3600):
        pass
    server.shutdown()
    server.socket.close()
    server.drain()
    server.engine.anchor.close()
    sys.stdout.flush()
    os._exit(0)  # idle connections of clients would keep threads of the library's pool waiting


if __name__ == "__main__":
    main()
