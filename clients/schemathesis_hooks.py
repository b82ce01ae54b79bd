"""Schemathesis hooks: tokens by role, ids that exist in the sample community, and timeouts that the server can keep."""

import functools
import json
import os
import urllib.request
import zlib
from uuid import UUID

import schemathesis

TIMEOUT_MS_MIN = 15_000


@schemathesis.auth(refresh_interval=None)
class TokenOfRole:
    """Takes the token of the role that the operation is for."""

    def get(self, case, context):
        tags = context.operation.tags or []
        role = "OPERATOR" if "admin" in tags else "AUDITOR" if "audit" in tags else "USER"
        return os.environ[f"NOVA_{role}_TOKEN"]

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def before_call(context, case, kwargs):
    raise_timeout(case)
    # Links between operations bring ids of their own.
    if case.meta is None or case.meta.phase.name.value != "stateful":
        use_existing_ids(case)


def raise_timeout(case):
    """Raises a valid `Nova-Timeout-Ms` that is low: the server's 504 is right then, and depends on the machine."""
    value = str((case.headers or {}).get("Nova-Timeout-Ms", ""))
    if value.isdecimal() and 0 < int(value) < TIMEOUT_MS_MIN:
        case.headers["Nova-Timeout-Ms"] = str(TIMEOUT_MS_MIN)


def use_existing_ids(case):
    """Replaces most random ids in the path, which nothing has, so that operations also succeed. Invalid ids stay."""
    kind = case.operation.path.split("/")[3]
    # By a hash of the request, so that the same request is changed in the same way in every run.
    body = case.body if isinstance(case.body, dict | list | str) else None
    dice = zlib.crc32(repr((case.path_parameters, case.query, body)).encode())
    for name, value in (case.path_parameters or {}).items():
        ids = existing_ids().get(f"{kind}/{name}", [])
        if ids and dice % 4 > 0 and (name == "user" or kind == "users" or is_uuid(value)):
            case.path_parameters[name] = ids[dice // 4 % len(ids)]


def is_uuid(value):
    try:
        return str(UUID(str(value))) == str(value)
    except ValueError:
        return False


@functools.cache
def existing_ids():
    """Returns ids of the sample community that the user may see, by kind of path and parameter."""

    def get(path):
        headers = {"Authorization": f"Bearer {os.environ['NOVA_USER_TOKEN']}"}
        request = urllib.request.Request(os.environ["NOVA_URL"] + path, headers=headers)
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def items(path):
        return get(path)["items"]

    posts = items("/api/v1/feed?limit=10")
    own_posts = items(f"/api/v1/users/{get('/api/v1/users/me')['id']}/posts?limit=10")
    conversation = items("/api/v1/conversations?limit=1")[0]["id"]
    messages = items(f"/api/v1/conversations/{conversation}/messages?limit=20")
    comments = [comment["id"] for post in posts for comment in items(f"/api/v1/posts/{post['id']}/comments?limit=3")]
    authors = [post["author"]["id"] for post in posts]
    return {
        "posts/id": [post["id"] for post in posts + own_posts],
        "comments/id": comments,
        "users/id": authors,
        "conversations/id": [conversation],
        "conversations/user": authors,
        "conversations/message": [message["id"] for message in messages],
    }
