"""Answers: views as JSON, what a write left behind, and problems."""

import json
from collections.abc import Mapping
from typing import Any

from flask import Response

from application.views import OrderView, Written, to_json
from system.queries.consistency import token_for
from web.errors import Problem

from .limits import MAX_DETAIL, MAX_ERRORS

API = "/api/v1"


def answer(view: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A view as compact JSON in UTF-8."""
    return Response(_json(view), status, headers, content_type="application/json")


def order_answer(order: OrderView) -> Response:
    """An order as it is now. Its ETag is what If-Match takes."""
    return answer(order, headers={"ETag": f'"{order.version}"'})


def written(done: Written[Any], status: int = 200, location: str | None = None) -> Response:
    """What a write led to, and the token with which a query will see it."""
    headers = {"Consistency-Token": token_for(done), "ETag": f'"{done.view.version}"'}
    if done.replayed:
        headers["Idempotent-Replayed"] = "true"
    if location is not None:
        headers["Location"] = API + location
    return answer(done.view, status, headers)


def problem_answer(problem: Problem) -> Response:
    """A problem as RFC 9457 writes it. Its `type` is a name, not an address."""
    members = {
        "type": f"urn:orderwright:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail[:MAX_DETAIL],
        "code": problem.code,
        "errors": [
            {"pointer": fault.pointer, "code": fault.code, "detail": fault.detail[:MAX_DETAIL]}
            for fault in problem.errors[:MAX_ERRORS]
        ],
        **problem.members,
    }
    return Response(_json(members), problem.status, problem.headers, content_type="application/problem+json")


def _json(value: Any) -> bytes:
    """A lone surrogate cannot be written in UTF-8; an explanation that quotes one shows a question mark."""
    text = json.dumps(to_json(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return text.encode(errors="replace")
