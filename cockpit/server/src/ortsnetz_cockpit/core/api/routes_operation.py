"""Health, metrics and a readable list of the endpoints: open to everybody on the network."""

from __future__ import annotations

from html import escape

from fastapi import APIRouter, Response
from fastapi.requests import Request
from fastapi.responses import HTMLResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ortsnetz_cockpit.core.api.context import context_of
from ortsnetz_cockpit.core.api.models import Readiness

ROUTER = APIRouter(tags=["operation"])


@ROUTER.get("/healthz", responses={503: {"model": Readiness}})
def healthz(request: Request, response: Response) -> Readiness:
    """200 when the store is writable and the broker connected, else 503 with the reasons."""
    reasons = context_of(request).reasons_not_ready()
    if reasons:
        response.status_code = 503
    return Readiness(status="degraded" if reasons else "ok", reasons=reasons)


@ROUTER.get("/metrics")
def metrics(request: Request) -> Response:
    """Prometheus text."""
    text = generate_latest(context_of(request).metrics.registry)
    return Response(text, media_type=CONTENT_TYPE_LATEST)


@ROUTER.get("/docs", include_in_schema=False)
def docs(request: Request) -> HTMLResponse:
    """The endpoints in one table: plain HTML, because nothing may be loaded from elsewhere."""
    rows = [
        f"<tr><td><code>{escape(method.upper())}</code></td><td><code>{escape(path)}</code></td>"
        f"<td>{escape(str(operation.get('description', '')))}</td></tr>"
        for path, operations in request.app.openapi()["paths"].items()
        for method, operation in operations.items()
    ]
    return HTMLResponse(
        "<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Cockpit API</title>"
        "</head><body><h1>Cockpit API</h1><p>Machine-readable: "
        "<a href='/api/v1/openapi.json'>openapi.json</a></p><table>"
        f"{''.join(rows)}</table></body></html>"
    )
