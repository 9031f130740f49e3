"""The applications that are measured: ours, and those of peers that run checks in each request. Twenty checks each."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

CHECKS = 20
COST = float(os.environ.get("COST", "0"))
"""How many seconds each check of a peer waits."""


def ours() -> Any:  # noqa: ANN401  # FastAPI is imported by those only who measure it.
    """FastAPI with a static route and our endpoints; one of the checks hangs for half a minute."""
    from fastapi import FastAPI, Response

    import stratheal

    monitor = stratheal.Monitor(details=True, listen=os.environ.get("LISTEN"))
    for number in range(CHECKS - 1):
        monitor.check(f"check-{number}", interval="1s", timeout="500ms")(lambda: True)
    monitor.check("hangs", interval="5s", timeout="1s")(lambda: time.sleep(30))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with monitor:
            yield

    app = FastAPI(lifespan=lifespan)
    app.mount("/monitor", monitor.asgi())

    @app.get("/static")
    async def static() -> Response:
        return Response(b"ok\n", media_type="text/plain")

    return app


def fastapi_healthchecks() -> Any:  # noqa: ANN401
    """FastAPI with fastapi-healthchecks."""
    from fastapi import FastAPI
    from fastapi_healthchecks.api.router import HealthcheckRouter, Probe
    from fastapi_healthchecks.checks import Check, CheckResult

    class Waits(Check):  # type: ignore[misc]
        async def __call__(self) -> CheckResult:
            if COST:
                await asyncio.sleep(COST)
            return CheckResult(name="waits", passed=True)

    app = FastAPI()
    app.include_router(HealthcheckRouter(Probe(name="health", checks=[Waits() for _ in range(CHECKS)])))
    return app


def django_health_check() -> Any:  # noqa: ANN401
    """Django with django-health-check."""
    import dataclasses

    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="only measured",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=["health_check"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    )
    django.setup()
    from django.core.asgi import get_asgi_application
    from django.urls import path
    from health_check.base import HealthCheck
    from health_check.views import HealthCheckView

    @dataclasses.dataclass
    class Waits(HealthCheck):  # type: ignore[misc]
        number: int = 0

        async def run(self) -> None:
            if COST:
                await asyncio.sleep(COST)

    checks = [(Waits, {"number": number}) for number in range(CHECKS)]
    globals()["urlpatterns"] = [path("health", HealthCheckView.as_view(checks=checks))]
    return get_asgi_application()


def py_healthcheck() -> Any:  # noqa: ANN401
    """Flask with py-healthcheck, which keeps results unless told otherwise."""
    from flask import Flask
    from healthcheck import HealthCheck

    def waits() -> tuple[bool, str]:
        if COST:
            time.sleep(COST)
        return True, "waits"

    health = HealthCheck(success_ttl=None, failed_ttl=None)
    for _ in range(CHECKS):
        health.add_check(waits)
    app = Flask("measured")
    app.add_url_rule("/health", "health", view_func=health.run)
    return app
