"""What is answered to a request that never becomes one: it is malformed, too large or too slow."""

from uuid import uuid4

import structlog
from gunicorn import SERVER  # type: ignore[import-untyped]
from gunicorn.util import http_date  # type: ignore[import-untyped]

from web.api.answers import problem_answer
from web.errors import problem_of_status

log = structlog.get_logger()


class Refused(Exception):
    """A request is not taken. `detail` says why, unless the status says it all."""

    def __init__(self, status: int, detail: str | None = None) -> None:
        super().__init__(detail or status)
        self.status = status
        self.detail = detail


def refusal(refused: Refused, client: str, *, without_body: bool = False) -> bytes:
    """The answer, after which the connection ends. It has a request id of its own, which is in the
    log with the reason; nothing of what the client sent is trusted."""
    request_id = str(uuid4())
    problem = problem_of_status(refused.status, refused.detail)
    log.warning(
        "request refused",
        request_id=request_id,
        client=client,
        status=problem.status,
        code=problem.code,
        reason=problem.detail,
    )
    answer = problem_answer(problem)
    body = answer.get_data()
    lines = [
        f"HTTP/1.1 {problem.status} {problem.title}",
        f"Server: {SERVER}",
        f"Date: {http_date()}",
        "Connection: close",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        f"X-Request-Id: {request_id}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        *(f"{name}: {value}" for name, value in problem.headers.items()),
    ]
    head = "\r\n".join([*lines, "", ""]).encode("ascii")
    return head if without_body else head + body
