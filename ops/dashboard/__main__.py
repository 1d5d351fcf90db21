"""`python -m ops.dashboard`: serves the dashboard where the settings say, as a child of the tree."""

import os
import sys

import uvicorn

from notifier.config import Settings
from ops.dashboard.app import application
from workers import log, status
from workers.connection import connect
from workers.process import announce_ready
from workers.queues import Queues


class _Server(uvicorn.Server):
    """Tells the supervisor when it listens."""

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started:
            announce_ready()


def main() -> int:
    """Serve until SIGTERM; gives the exit code."""
    settings = Settings.read(os.environ)
    log.configure(settings.log_format, settings.log_level, "dashboard")
    if settings.redis_url is None:
        raise ValueError("the dashboard needs NOTIFIER_REDIS_URL; `notifier up` sets it")
    queues = Queues(connect(settings.redis_url, patient=False, timeout=2.0), settings.job_timeout)
    options = uvicorn.Config(
        application(lambda: status.read(queues)),
        host=settings.dashboard_host,
        port=settings.dashboard_port,
        access_log=False,
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    _Server(options).run()
    return 0


sys.exit(main())
