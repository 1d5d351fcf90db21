"""The dashboard's pages. Redis is asked for each request; without it the page says so and `/livez` still answers."""

from collections.abc import Callable
from pathlib import Path

import msgspec
from jinja2 import Environment, FileSystemLoader, select_autoescape
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import Route

from ops.dashboard.metrics import CONTENT_TYPE, exposition
from workers.status import Status

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


def application(read: Callable[[], Status]) -> Starlette:
    """The dashboard over `read`, which gives the status or raises RedisError."""
    folder = Path(__file__).parent / "templates"
    page = Environment(loader=FileSystemLoader(folder), autoescape=select_autoescape()).get_template("status.html")

    def livez(request: Request) -> Response:  # noqa: ARG001 – a handler's argument
        return PlainTextResponse("alive\n")

    def status_json(request: Request) -> Response:  # noqa: ARG001 – a handler's argument
        try:
            body, code = msgspec.json.encode(read()), 200
        except RedisError as error:
            body, code = msgspec.json.encode({"error": f"Redis does not answer ({type(error).__name__})"}), 503
        return Response(body, code, HEADERS, "application/json")

    def status_page(request: Request) -> Response:  # noqa: ARG001 – a handler's argument
        status, problem = None, ""
        try:
            status = read()
        except RedisError as error:
            problem = (
                f"Redis does not answer ({type(error).__name__}). The workers wait for it and go on by themselves."
            )
        return HTMLResponse(page.render(status=status, problem=problem), 200 if status else 503, HEADERS)

    def metrics(request: Request) -> Response:  # noqa: ARG001 – a handler's argument
        try:
            body = exposition(read())
        except RedisError:
            body = exposition(None)
        return Response(body, headers={**HEADERS, "Content-Type": CONTENT_TYPE})

    routes = [
        Route("/livez", livez),
        Route("/metrics", metrics),
        Route("/status.json", status_json),
        Route("/", status_page),
    ]
    return Starlette(routes=routes)
