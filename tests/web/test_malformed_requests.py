"""Requests that never become one: malformed, ambiguous or too large. Each is refused, and told why."""

import json
import socket

import pytest

from tests.web.api import API, an_order
from tests.web.raw import RawAnswer, RawClient, ask, get, post
from tests.web.serving import Serving

ORDER = json.dumps(an_order()).encode()
HEAD = (
    b"POST /api/v1/orders HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nX-Request-Id: mine\r\n"
)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SIZE = b"%x" % len(ORDER)
WHOLE = SIZE + b"\r\n" + ORDER + b"\r\n0\r\n"


def _of(line: bytes) -> bytes:
    return line + b"\r\nHost: localhost\r\nX-Request-Id: mine\r\n\r\n"


MALFORMED = {
    "not HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01",
    "HTTP/0.9": b"GET /livez\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/3.1": _of(b"GET /livez HTTP/3.1"),
    "no version": _of(b"GET /livez"),
    "no target": _of(b"GET  HTTP/1.1"),
    "two spaces": _of(b"GET  /livez HTTP/1.1"),
    "a method in small letters": _of(b"get /livez HTTP/1.1"),
    "a NUL in the target": _of(b"GET /li\0vez HTTP/1.1"),
    "a raw byte in the target": _of(b"GET /li\xffvez HTTP/1.1"),
    "a star for GET": _of(b"GET * HTTP/1.1"),
    "the target of a proxy": _of(b"GET shop:80 HTTP/1.1"),
    "bare line feeds": b"GET /livez HTTP/1.1\nHost: localhost\n\n",
    "a bare line feed": b"GET /livez HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n",
    "a bare carriage return": b"GET /livez HTTP/1.1\r\nHost: localhost\rX: y\r\n\r\n",
    "no host": b"GET /livez HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: bank\r\n\r\n",
    "a folded header": HEAD + b"X-A: b\r\n c\r\n\r\n",
    "a space before the colon": HEAD + b"X-A : b\r\n\r\n",
    "a header without a colon": HEAD + b"X-A\r\n\r\n",
    "a NUL in a header": HEAD + b"X-A: \0\r\n\r\n",
    "another expectation": HEAD + b"Expect: a-miracle\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "two lengths in one": HEAD + b"Content-Length: 5, 5\r\n\r\nhello",
    "a length with a sign": HEAD + b"Content-Length: +5\r\n\r\nhello",
    "a length below zero": HEAD + b"Content-Length: -5\r\n\r\nhello",
    "a length and chunks": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "chunks twice": HEAD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunks and not last": HEAD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "zipped chunks": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "an unknown coding": HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "chunks of HTTP/1.0": b"POST /api/v1/orders HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a size that is none": CHUNKED + b"xyz\r\n",
    "an empty size": CHUNKED + b"\r\n",
    "a size with a sign": CHUNKED + b"-1\r\n",
    "a size with a prefix": CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
    "a size with spaces": CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n",
    "a size like a bomb": CHUNKED + b"f" * 40 + b"\r\n",
    "a size without end": CHUNKED + b"0" * 10_000,
    "a size and a bare line feed": CHUNKED + b"5\nhello\r\n0\r\n\r\n",
    "a chunk that is longer": CHUNKED + b"3\r\nhello\r\n0\r\n\r\n",
    "a chunk that is shorter": CHUNKED + b"5\r\nhell\r\n0\r\n\r\n",
    "a bad extension": CHUNKED + b"5;\0\r\nhello\r\n0\r\n\r\n",
    "a bad trailer": CHUNKED + WHOLE + b"no trailer\r\n\r\n",
    "a trailer with a bare line feed": CHUNKED + WHOLE + b"X: y\n\n",
    "a trailer with a length": CHUNKED + WHOLE + b"Content-Length: 5\r\n\r\n",
}

TOO_LARGE = {
    "the target": (_of(b"GET /" + b"a" * 9000 + b" HTTP/1.1"), 414, "uri_too_long"),
    "an endless target": (b"GET /" + b"a" * 9000, 414, "uri_too_long"),
    "a header": (HEAD + b"X-A: " + b"a" * 9000 + b"\r\n\r\n", 431, "headers_too_large"),
    "headers": (HEAD + b"X-A: a\r\n" * 200 + b"\r\n", 431, "headers_too_large"),
    "endless headers": (HEAD + b"X-A: a\r\n" * 10_000, 431, "headers_too_large"),
    "the trailers": (CHUNKED + WHOLE + b"X-A: a\r\n" * 10_000, 431, "headers_too_large"),
    "the length": (HEAD + b"Content-Length: 9999999999999999999\r\n\r\n{", 413, "body_too_large"),
    "a chunk": (CHUNKED + b"fffffffff\r\n{", 413, "body_too_large"),
    "an expected body": (
        HEAD + b"Expect: 100-continue\r\nContent-Length: 9999999999\r\n\r\n",
        413,
        "body_too_large",
    ),
}


def is_refused_properly(answer: RawAnswer) -> bool:
    """Whether it is a problem in the words of the documents, with a request id of the server's own."""
    problem = answer.json
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["connection"] == "close"
    assert len(answer.headers["x-request-id"]) == 36
    assert list(problem) == ["type", "title", "status", "detail", "code", "errors"]
    assert (problem["status"], problem["type"]) == (
        answer.status,
        f"urn:orderwright:problem:{problem['code']}",
    )
    return True


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED)
def test_what_is_malformed_is_refused(serving: Serving, sent: bytes) -> None:
    answer = ask(serving.port, sent)
    assert 400 <= answer.status < 500
    assert is_refused_properly(answer)


@pytest.mark.parametrize(("sent", "status", "code"), TOO_LARGE.values(), ids=TOO_LARGE)
def test_what_is_too_large_is_refused_and_the_client_can_read_why(
    serving: Serving, sent: bytes, status: int, code: str
) -> None:
    answer = ask(serving.port, sent)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert is_refused_properly(answer)


def test_what_follows_a_refused_request_is_not_answered(serving: Serving) -> None:
    with RawClient(serving.port) as client:
        client.send(
            HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + get("/livez")
        )
        assert client.answer().status == 400
        assert client.rest() == b""


def test_a_refusal_is_logged_with_nothing_of_other_requests_and_without_control_characters(
    serving: Serving,
) -> None:
    """Neither the path nor the request id of the client before, and nothing that moves a cursor."""
    with RawClient(serving.port) as client:
        client.send(get("/api/v1/orders?limit=1", "X-Request-Id: hers"))
        assert client.answer().headers["x-request-id"] == "hers"
        client.send(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nX\x1b[31m: \x9b1m\r\n\r\n")
        refused = client.answer()
    (line,) = [line for line in serving.log.splitlines() if refused.headers["x-request-id"] in line]
    assert line.isprintable()
    told = json.loads(line)
    assert (told["status"], told["code"], told["client"]) == (400, "bad_request", "127.0.0.1")
    assert "path" not in told
    assert "hers" not in line
    assert all(text.isprintable() for text in told.values() if isinstance(text, str))


def test_headers_that_rewrite_a_request_or_look_like_others_are_not_forwarded(serving: Serving) -> None:
    plain = ask(serving.port, get(f"{API}/orders?limit=1"))
    forged = ask(serving.port, get(f"{API}/orders?limit=1", "SCRIPT_NAME: /api", "PATH_INFO: /livez"))
    assert (forged.status, forged.body) == (plain.status, plain.body)
    assert ask(serving.port, get("/shop/livez", "SCRIPT_NAME: /shop")).status == 404
    aliased = ask(serving.port, get("/livez", "X_Request_Id: hers"))
    assert aliased.headers["x-request-id"] != "hers"


@pytest.mark.parametrize(
    "sent",
    [
        CHUNKED + WHOLE + b"\r\n",
        CHUNKED + SIZE + b';note="a\\"b"\r\n' + ORDER + b"\r\n000\r\nX-Sum: 1\r\nX-More: 2\r\n\r\n",
        CHUNKED + b"".join(b"1\r\n%c\r\n" % byte for byte in ORDER) + b"0\r\n\r\n",
        b"\r\n" + post(f"{API}/orders", ORDER),
        post(f"http://localhost{API}/orders", ORDER),
        post(f"{API}/orders", ORDER).replace(b"HTTP/1.1", b"HTTP/1.0"),
    ],
    ids=["chunks", "extension and trailers", "many chunks", "an empty line before", "absolute", "HTTP/1.0"],
)
@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "byte by byte"])
def test_what_is_unusual_and_right_is_taken(serving: Serving, sent: bytes, at_once: bool) -> None:
    with RawClient(serving.port) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for part in [sent] if at_once else [bytes([byte]) for byte in sent]:
            client.send(part)
        assert client.answer().status == 201


def test_a_client_that_waits_for_leave_is_told_to_go_on(serving: Serving) -> None:
    head, _, body = post(f"{API}/orders", ORDER, "Expect: 100-continue").partition(b"\r\n\r\n")
    with RawClient(serving.port) as client:
        for _ in range(2):
            client.send(head + b"\r\n\r\n")
            assert client.answer().status == 100
            client.send(body)
            assert client.answer().status == 201


def test_requests_in_one_go_are_answered_in_order(serving: Serving) -> None:
    with RawClient(serving.port) as client:
        client.send(b"".join(get("/livez", f"X-Request-Id: {number}") for number in range(50)))
        client.socket.shutdown(socket.SHUT_WR)
        answers = [client.answer().headers["x-request-id"] for _ in range(50)]
        assert answers == [str(number) for number in range(50)]
        assert client.rest() == b""


def test_an_answer_to_head_has_no_body(serving: Serving) -> None:
    with RawClient(serving.port) as client:
        client.send(get("/livez").replace(b"GET", b"HEAD"))
        answer = client.answer(to_head=True)
        assert (answer.status, int(answer.headers["content-length"])) == (200, 18)
        assert {"date", "server"} <= answer.headers.keys()
        client.send(get("/livez"))
        assert client.answer().body == b'{"status":"alive"}'


@pytest.mark.parametrize("line", [b"OPTIONS * HTTP/1.1", b"CONNECT shop:80 HTTP/1.1", b"TRACE / HTTP/1.1"])
def test_methods_that_are_for_proxies_are_refused(serving: Serving, line: bytes) -> None:
    answer = ask(serving.port, _of(line))
    assert answer.status in (404, 405)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "header", ["Idempotency-Key: one", "X-User: ada", 'If-Match: "1"', "Consistency-Token: Orders:1"]
)
def test_a_header_that_counts_once_is_given_once(serving: Serving, header: str) -> None:
    before = ask(serving.port, get(f"{API}/orders?limit=500")).body
    order = json.dumps(an_order()).encode()
    answer = ask(serving.port, post(f"{API}/orders", order, header, header.replace("one", "two").lower()))
    assert (answer.status, answer.json["code"]) == (400, "bad_request")
    assert f"{header.partition(':')[0].title()} is given twice" in answer.json["detail"]
    assert ask(serving.port, get(f"{API}/orders?limit=500")).body == before
