"""As much of ClickHouse's grammar as it takes to tell an INSERT that brings its data from every other statement."""

import re
from typing import NamedTuple

# Whitespace and comments; then whole quoted things, brackets, words, and any other byte.
token = re.compile(
    rb"(?P<blank>\s+|--[^\n]*|\#[ !][^\n]*|/\*.*?\*/)"
    rb"|(?P<quoted>'(?:[^'\\]|\\.|'')*'|\"(?:[^\"\\]|\\.|\"\")*\"|`(?:[^`\\]|\\.|``)*`)"
    rb"|(?P<open>[(\[{])|(?P<close>[)\]}])"
    rb"|(?P<word>[A-Za-z_][A-Za-z0-9_]*)"
    rb"|(?P<other>.)",
    re.DOTALL,
)


class Insert(NamedTuple):
    head: str  # the statement without its FORMAT clause
    format: str
    data: bytes  # what followed the clause in the text already read


def insert_with_data(text):
    """The insert that `text` begins with, or None where it is another statement, or not all there."""
    depth = 0
    first = True
    found = token.match(text)
    while found:
        kind = found.lastgroup
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth -= 1
        elif kind == "word" and depth == 0:
            word = found.group().upper()
            if first and word != b"INSERT":
                return None
            if word in (b"SELECT", b"WITH", b"INFILE", b"WATCH"):
                return None
            if word == b"VALUES":
                return Insert(text[:found.start()].decode(), "Values", text[found.end():])
            if word == b"FORMAT":
                return _after_format(text, found)
        if kind != "blank":
            if first and kind != "word":
                return None
            first = False
        found = token.match(text, found.end())
    return None


def _after_format(text, clause):
    name = re.compile(rb"\s+([A-Za-z_][A-Za-z0-9_]*)(?=[\s;])[ \t]*(?:;(?=\s*$))?\r?\n?").match(text, clause.end())
    if not name:
        return None
    head = text[:clause.start()].decode()
    if name[1].upper() == b"VALUES":
        return Insert(head, "Values", text[name.end():])
    return Insert(head, name[1].decode(), text[name.end():])


def format_of(text):
    """The format that the statement itself asks for, if it does."""
    found = re.search(r"\bFORMAT\s+(\w+)\s*;?\s*$", text, re.IGNORECASE)
    return found[1] if found else None


def quoted(text, mark="'"):
    return mark + text.replace("\\", "\\\\").replace(mark, "\\" + mark) + mark
