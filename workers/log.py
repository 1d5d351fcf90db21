"""One log for all processes: loguru to stderr, as text or JSON lines, no addresses in it."""

import logging
import sys
from types import TracebackType
from typing import TYPE_CHECKING

import msgspec
from loguru import logger

from workers.scrub import scrub

if TYPE_CHECKING:
    from loguru import Message, Record

TEXT = "{time:YYYY-MM-DDTHH:mm:ss.SSSZ} {level: <7} {extra[process]}: {message}\n{exception}"


def configure(form: str, level: str, process: str) -> None:
    """Log from now on as `form` ("text" or "json") from `level` up, each line naming `process`."""
    logger.remove()
    logger.configure(extra={"process": process}, patcher=_scrubbed)
    sink = _json_line if form == "json" else _text_line
    # diagnose=False: loguru would print the values of variables, and with them addresses.
    logger.add(sink, level=level, format=lambda _: TEXT, diagnose=False, backtrace=False)
    for noisy in ("httpx", "httpcore", "rq.worker", "rq.queue", "rq.job", "pybreaker"):
        logging.getLogger(noisy).setLevel(logging.WARNING)  # httpx logs whole addresses below that
    logging.basicConfig(handlers=[_Libraries()], level=logging.WARNING, force=True)
    sys.excepthook = _unhandled


class _Libraries(logging.Handler):
    """What libraries log goes the same way: on their own they would write to stderr unread."""

    def emit(self, record: logging.LogRecord) -> None:
        logger.opt(exception=record.exc_info).log(record.levelno, "{}: {}", record.name, record.getMessage())


def _unhandled(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    logger.opt(exception=(kind, error, trace)).critical("the process fails")


def _text_line(message: "Message") -> None:
    sys.stderr.write(scrub(str(message)))


def _scrubbed(record: "Record") -> None:
    record["message"] = scrub(record["message"])


def _json_line(message: "Message") -> None:
    record = message.record
    line = {
        "time": record["time"].isoformat(),
        "level": record["level"].name,
        "process": record["extra"]["process"],
        "message": record["message"],
    }
    if "event" in record["extra"]:
        fields = record["extra"]["fields"].items()
        line |= {"event": record["extra"]["event"]}
        line |= {key: scrub(value) if isinstance(value, str) else value for key, value in fields}
    if record["exception"]:
        line["exception"] = scrub(str(message).partition(record["message"])[2].strip())
    sys.stderr.write(msgspec.json.encode(line).decode() + "\n")
