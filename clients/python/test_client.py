"""Tests of the client against the real program: $NOVA_BIN, on a data folder of its own.

clients/check python
"""

import os
import re
import subprocess
import tempfile
import threading
import unittest
from http.server import BaseHTTPRequestHandler, HTTPServer
from uuid import uuid4

from nova_api.api.comments import comments_add, comments_like
from nova_api.api.conversations import conversations_read, conversations_start, messages_list
from nova_api.api.feed import feed_read, timeline_read
from nova_api.api.messages import messages_send
from nova_api.api.posts import comments_list, posts_delete, posts_like, posts_publish, posts_read
from nova_api.api.system import readiness_check
from nova_api.api.users import (
    followers_list,
    posts_list,
    users_change_profile,
    users_follow,
    users_read,
    users_read_me,
    users_register,
)
from nova_api.models import (
    AddCommentBody,
    ChangeProfileBody,
    PublishBody,
    ReasonBody,
    RegisterBody,
    SendBody,
    StartBody,
)
from nova_client import Nova, NovaError, idempotency_key, pages

PROGRAM = os.environ["NOVA_BIN"]


class Server:
    """`nova serve` on a temporary folder and a free port."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="nova-python-")
        self._clients: list[Nova] = []
        self._process = subprocess.Popen(
            [PROGRAM, "--data", self._folder.name, "--listen", "127.0.0.1:0", "serve"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for line in self._process.stdout:
            if found := re.match(r"ready (http://\S+)", line):
                self.url = found[1]
                return
        raise RuntimeError(f"{PROGRAM} ended before it was ready")

    def client(self, handle: str) -> Nova:
        """Returns the client of a newly registered user."""
        command = [PROGRAM, "--data", self._folder.name, "token", "--user", str(uuid4())]
        token = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        nova = self.connect(token)
        users_register.sync(client=nova, body=RegisterBody(handle=handle, display_name=handle.title()))
        return nova

    def connect(self, token: str) -> Nova:
        self._clients.append(Nova(self.url, token))
        return self._clients[-1]

    def stop(self) -> None:
        for client in self._clients:
            client.get_httpx_client().close()
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()
        self._folder.cleanup()


class AgainstTheServer(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.server = Server()
        cls.addClassCleanup(cls.server.stop)
        cls.ada = cls.server.client("ada")
        cls.bob = cls.server.client("bob")
        cls.bobs_id = users_read_me.sync(client=cls.bob, after=cls.bob.position).id
        cls.adas_id = users_read_me.sync(client=cls.ada, after=cls.ada.position).id

    def publish(self, text: str):
        return posts_publish.sync(client=self.ada, body=PublishBody(text=text))

    def refused(self, operation, **arguments) -> NovaError:
        with self.assertRaises(NovaError) as caught:
            operation.sync(**arguments)
        return caught.exception

    def test_registered_user_can_change_profile(self) -> None:
        users_change_profile.sync(client=self.bob, body=ChangeProfileBody(bio="Reads."))
        changed = users_read.sync("@bob", client=self.ada, after=self.bob.position)
        self.assertEqual((changed.handle, changed.bio), ("bob", "Reads."))

    def test_followed_posts_appear_in_timeline_and_feed(self) -> None:
        users_follow.sync(self.adas_id, client=self.bob)
        published = self.publish("for those who follow")
        self.assertGreater(published.position, self.bob.position)
        for query in (timeline_read, feed_read):
            page = query.sync(client=self.bob, after=published.position)
            self.assertIn(published.id, [item.id for item in page.items], query.__name__)
        page = followers_list.sync(self.adas_id, client=self.ada, after=self.bob.position)
        self.assertEqual([follower.handle for follower in page.items], ["bob"])

    def test_query_after_own_position_sees_like_and_comment(self) -> None:
        published = self.publish("to be liked")
        posts_like.sync(published.id, client=self.bob)
        commented = comments_add.sync(published.id, client=self.bob, body=AddCommentBody(text="so true"))
        comments_like.sync(commented.id, client=self.bob)
        card = posts_read.sync(published.id, client=self.bob, after=self.bob.position)
        self.assertEqual((card.like_count, card.comment_count, card.liked_by_viewer), (1, 1, True))
        page = comments_list.sync(published.id, client=self.bob, after=self.bob.position)
        self.assertEqual([(item.text, item.like_count) for item in page.items], [("so true", 1)])

    def test_pages_yields_every_item_once(self) -> None:
        author = self.server.client("carol")
        for number in range(25):
            posts_publish.sync(client=author, body=PublishBody(text=f"post {number}"))
        carol = users_read_me.sync(client=author, after=author.position)
        self.assertEqual(len(posts_list.sync(carol.id, client=author, limit=10).items), 10)
        with self.assertRaises(ValueError):
            next(pages(messages_list, id=carol.id, client=author))
        texts = [item.text for item in pages(posts_list, id=carol.id, client=author, limit=10)]
        self.assertEqual(texts, [f"post {number}" for number in reversed(range(25))])

    def test_message_reaches_conversation(self) -> None:
        body = StartBody(kind="direct", members=[self.bobs_id])
        started = conversations_start.sync(client=self.ada, body=body)
        sent = messages_send.sync(started.id, client=self.ada, body=SendBody(text="hello"))
        shown = conversations_read.sync(started.id, client=self.bob, after=self.ada.position)
        self.assertEqual(shown.last_message.id, sent.id)

    def test_unknown_post_is_not_found(self) -> None:
        error = self.refused(posts_read, id=uuid4(), client=self.ada)
        self.assertEqual((error.status, error.code), (404, "not_found"))
        self.assertTrue(error.detail)
        self.assertRegex(error.correlation_id, r"^[0-9a-f-]{36}$")

    def test_refusal_names_field(self) -> None:
        error = self.refused(posts_publish, client=self.ada, body=PublishBody(text=""))
        self.assertEqual((error.status, error.code), (422, "validation_failed"))
        self.assertEqual(error.errors[0]["field"], "text")

    def test_foreign_post_cannot_be_deleted(self) -> None:
        published = self.publish("not yours")
        error = self.refused(posts_delete, id=published.id, client=self.bob, body=ReasonBody(reason="spam"))
        self.assertEqual((error.status, error.code), (403, "not_yours"))

    def test_invalid_token_is_unauthorized(self) -> None:
        self.assertEqual(self.refused(users_read_me, client=self.server.connect("none")).status, 401)

    def test_same_idempotency_key_gives_same_answer(self) -> None:
        with idempotency_key(uuid4()):
            first, second = self.publish("once"), self.publish("once")
            error = self.refused(posts_publish, client=self.ada, body=PublishBody(text="another"))
        self.assertEqual(first, second)
        self.assertEqual(error.code, "idempotency_key_reused")
        self.assertNotEqual(self.publish("once").id, first.id)

    def test_readiness_is_answered_without_an_account(self) -> None:
        readiness = readiness_check.sync(client=self.server.connect("none"))
        self.assertGreaterEqual(readiness.head, readiness.applied)


class Scripted(BaseHTTPRequestHandler):
    """Answers each request with the next of `answers`: a status and a `Retry-After`."""

    answers: list[tuple[int, str | None]] = []
    keys: list[str] = []

    def do_PUT(self) -> None:
        self.keys.append(self.headers["Idempotency-Key"])
        status, retry_after = self.answers.pop(0)
        body = b'{"id":"7c9e6679-7425-40de-944b-e07fc1f90ae7","position":7}'
        if status != 200:
            body = b'{"type":"t","title":"t","status":%d,"code":"busy","detail":"later","correlation_id":"c"}' % status
        self.send_response(status)
        self.send_header("Content-Type", "application/json" if status == 200 else "application/problem+json")
        self.send_header("Content-Length", str(len(body)))
        if retry_after is not None:
            self.send_header("Retry-After", retry_after)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_) -> None:
        pass


class Retries(unittest.TestCase):
    def setUp(self) -> None:
        server = HTTPServer(("127.0.0.1", 0), Scripted)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        Scripted.keys = []
        self.nova = Nova(f"http://127.0.0.1:{server.server_port}", "token", attempts_max=3, wait_seconds_max=5)
        self.addCleanup(self.nova.get_httpx_client().close)

    def like(self, *answers: tuple[int, str | None]):
        Scripted.answers = list(answers)
        return posts_like.sync(uuid4(), client=self.nova)

    def test_retry_repeats_idempotency_key(self) -> None:
        self.assertEqual(self.like((429, "0"), (503, "0"), (200, None)).position, 7)
        self.assertEqual((len(Scripted.keys), len(set(Scripted.keys))), (3, 1))
        self.assertEqual(self.nova.position, 7)

    def test_attempts_are_bounded(self) -> None:
        with self.assertRaises(NovaError) as caught:
            self.like((503, "0"), (503, "0"), (503, "0"), (200, None))
        self.assertEqual((caught.exception.status, len(Scripted.keys)), (503, 3))

    def test_wait_beyond_bound_is_refused(self) -> None:
        with self.assertRaises(NovaError):
            self.like((429, "60"), (200, None))
        self.assertEqual(len(Scripted.keys), 1)

    def test_failure_without_retry_after_is_raised_at_once(self) -> None:
        with self.assertRaises(NovaError):
            self.like((503, None), (200, None))
        self.assertEqual(len(Scripted.keys), 1)


if __name__ == "__main__":
    unittest.main()
