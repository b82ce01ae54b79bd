"""A client of Nova for Python: the generated package `nova_api`, and what its requests need around them.

`Nova` is the `client` argument of every generated function. It gives each command an `Idempotency-Key`, retries
requests that are answered 429 or 503 with `Retry-After`, raises `NovaError` instead of returning a problem, and
remembers the highest position of its commands. `pages` iterates over a list. Calls are synchronous.
"""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from inspect import signature
from types import ModuleType
from typing import Any
from uuid import UUID, uuid4

import httpx
from attrs import define, field
from nova_api.client import AuthenticatedClient
from nova_api.types import UNSET, Unset

__all__ = ["Nova", "NovaError", "idempotency_key", "pages"]

_READS = {"GET", "HEAD", "OPTIONS"}
_key: ContextVar[str | None] = ContextVar("idempotency_key", default=None)


class NovaError(Exception):
    """An RFC 9457 problem. `code` is stable and for programs, `detail` is for people."""

    def __init__(self, problem: dict[str, Any]) -> None:
        self.status: int = problem["status"]
        self.code: str = problem["code"]
        self.detail: str = problem["detail"]
        self.correlation_id: str | None = problem.get("correlation_id")
        self.errors: list[dict[str, Any]] = problem.get("errors") or []
        super().__init__(f"{self.status} {self.code}: {self.detail} (correlation id {self.correlation_id})")


@define
class Nova(AuthenticatedClient):
    """A connection to a server, for one token: `Nova("http://127.0.0.1:8080", token)`."""

    attempts_max: int = field(default=5, kw_only=True)
    """Bounds how often a request is sent."""
    wait_seconds_max: float = field(default=30.0, kw_only=True)
    """Bounds how long a request waits between its attempts, in total."""
    position: int | Unset = field(default=UNSET, init=False)
    """The highest position that a command answered. A query with `after=nova.position` sees the effects of all."""

    def __attrs_post_init__(self) -> None:
        headers = {**self._headers, self.auth_header_name: f"{self.prefix} {self.token}"}
        self._client = _Session(
            self,
            base_url=self._base_url,
            cookies=self._cookies,
            headers=headers,
            timeout=self._timeout or httpx.Timeout(30.0),
            verify=self._verify_ssl,
            follow_redirects=self._follow_redirects,
            **self._httpx_args,
        )


@contextmanager
def idempotency_key(key: UUID | str) -> Iterator[None]:
    """Sends `key` with every command inside the block, so that a later repetition has no second effect."""
    token = _key.set(str(key))
    try:
        yield
    finally:
        _key.reset(token)


def pages(operation: ModuleType, **arguments: Any) -> Iterator[Any]:
    """Yields every item of a list, such as `pages(feed_read, client=nova)`. Requests each page when it is needed.

    Raises ValueError for lists that do not go on by a cursor: messages, dead letters and the event log."""
    if "cursor" not in signature(operation.sync).parameters:
        raise ValueError(f"{operation.__name__} has no cursor; x-pagination in the document says how it goes on")
    while True:
        page = operation.sync(**arguments)
        yield from page.items
        if not page.next_cursor:
            return
        arguments["cursor"] = page.next_cursor


class _Session(httpx.Client):
    def __init__(self, nova: Nova, **options: Any) -> None:
        super().__init__(**options)
        self._nova = nova

    def build_request(self, *arguments: Any, headers: Any = None, **options: Any) -> httpx.Request:
        # The generated functions pass UUIDs as they are, which httpx refuses.
        texts = {name: str(value) for name, value in (headers or {}).items()}
        return super().build_request(*arguments, headers=texts, **options)

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        is_command = request.method not in _READS
        if is_command:
            request.headers.setdefault("Idempotency-Key", _key.get() or str(uuid4()))
        response = self._send_with_retry(request, **options)
        if response.is_error and response.headers.get("content-type") != "application/json":
            response.read()
            raise NovaError(_problem(response))
        if is_command and response.is_success:
            self._remember_position(response)
        return response

    def _send_with_retry(self, request: httpx.Request, **options: Any) -> httpx.Response:
        budget = self._nova.wait_seconds_max
        for attempt in range(1, self._nova.attempts_max + 1):
            response = super().send(request, **options)
            retry_after = response.headers.get("retry-after", "") if response.status_code in (429, 503) else ""
            # Up to a half more than asked for, so that clients that are refused together do not retry together.
            wait = float(retry_after) * random.uniform(1, 1.5) if retry_after.isdecimal() else None
            if wait is None or wait > budget or attempt == self._nova.attempts_max:
                break
            response.close()
            budget -= wait
            time.sleep(wait)
        return response

    def _remember_position(self, response: httpx.Response) -> None:
        answer = response.json() if response.headers.get("content-type") == "application/json" else None
        position = answer.get("position") if isinstance(answer, dict) else None
        if isinstance(position, int):
            self._nova.position = max(position, self._nova.position or 0)


def _problem(response: httpx.Response) -> dict[str, Any]:
    if response.headers.get("content-type") == "application/problem+json":
        return response.json()
    # A proxy in front of Nova answers in its own way.
    return {"status": response.status_code, "code": "http_error", "detail": response.reason_phrase}
