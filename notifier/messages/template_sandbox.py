"""Jinja2 as templates get it: no files, no methods, foreign text escaped wherever it is shown, and an end to all work.

What bounds it: each turn of a loop, each text shown, each field, call, filter, test, comparison and sum costs at least
one of STEPS, long texts more;
what is written in all has at most MOST_WRITTEN characters; no text or list in between is larger than MOST_TEXT or
MOST_LISTED; and no operator or filter is left that makes something large in one step. Not for several threads at once.
"""

import functools
import re
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Final

from jinja2 import StrictUndefined, TemplateRuntimeError, Undefined, pass_context
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS
from jinja2.runtime import Context, LoopContext, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from notifier.messages import isk
from notifier.messages.escape import escape, plain
from notifier.messages.template_names import VALUES, Safe

STEPS: Final = 10_000
MOST_WRITTEN: Final = 20_000
MOST_TEXT, MOST_LISTED = 10_000, 1_000
MOST_SHOWN: Final = 2_000
"""UTF-16 code units that one expression shows, before escaping."""
_PER_STEP = 100
"""Characters of a text, or values of a list, that a step pays for."""
_LARGEST_FACTOR: Final = 10**18

FROM_JINJA: Final = tuple(
    "abs capitalize count d default first float int join last length list lower map max min reject rejectattr "
    "reverse round select selectattr sort string title trim truncate unique upper".split()
)
"""The filters of Jinja2's own that a template may use; the others can make something large of something small."""
_MOST_DIGITS: Final = 30
"""Python makes a number of as many digits as it rounds to."""
_STYLES: Final = "tTdDfFsSR"
_WIDE = re.compile(r"%(?:\(|[^a-zA-Z%]*(?:\*|\d{4}))")
"""A format whose width is large, or cannot be seen."""


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment of one template. `begin` before each kill; `unformatted` while Discord formats nothing."""

    intercepted_binops = frozenset({"+", "-", "*", "/", "//", "**", "%"})

    def __init__(self) -> None:
        super().__init__(
            undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, finalize=_finalized
        )
        self.globals = {"range": self._range, "namespace": _Namespace}
        self.filters = self._filters()
        self.tests = {name: self._tested(one) for name, one in dict[str, Any](self.tests).items()}
        self.unformatted = False
        self.begin()

    def begin(self) -> None:
        """Give all of the work that is allowed for one kill."""
        self._steps, self._written, self.unformatted = STEPS, 0, False

    def spend(self, size: int = 0) -> None:
        """Pay for one step, and for the size of what it made. Raises TemplateRuntimeError when nothing is left."""
        self._steps -= 1 + size // _PER_STEP
        if self._steps < 0:
            raise TemplateRuntimeError(f"does not end within {STEPS:,} steps")

    def write(self, piece: str) -> str:
        """Count what is written. Raises TemplateRuntimeError when it is too much."""
        self._written += len(piece)
        if self._written > MOST_WRITTEN:
            raise TemplateRuntimeError(f"writes more than {MOST_WRITTEN:,} characters")
        return piece

    def concat(self, pieces: Iterable[str]) -> str:
        """Join what a macro or a `set` block wrote; all of it has passed through `shown`, so it is not escaped again.

        Unless it was written for a footer, unescaped: elsewhere it is as foreign as any text.
        """
        text = "".join(self.write(piece) for piece in pieces)
        return text if self.unformatted else Safe(text)

    def shown(self, value: object) -> str:
        """Give a value as it may stand in the message."""
        if type(value) is Safe:
            self.spend(len(value))
            return value
        text = str.__str__(value) if isinstance(value, str) else self._words(value)
        self.spend(len(text))
        clean = plain(text, MOST_SHOWN) if self.unformatted else escape(text, MOST_SHOWN)
        # A space at an end is meant, as in {{ ", " if not loop.last }}.
        return f"{' ' * text[:1].isspace()}{clean}{' ' * text[-1:].isspace()}" if clean else " " * bool(text)

    def _words(self, value: object) -> str:
        if value is None:
            return ""
        if isinstance(value, (int, float, Undefined, *VALUES)):
            return str(value)
        raise TemplateRuntimeError(f"a {type(value).__name__} cannot be shown: name a part of it, or join it")

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Pay for a field."""
        self.spend()
        return super().getattr(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Pay for a field, or a part of a text or list."""
        self.spend()
        return super().getitem(obj, argument)

    # -- What a template may touch

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Our values' fields, `loop`'s and a namespace's; nothing of texts, functions, macros."""
        return isinstance(obj, (*VALUES, LoopContext, Namespace)) and super().is_safe_attribute(obj, attr, value)

    def is_safe_callable(self, obj: Any) -> bool:
        """Macros, range, namespace, loop.cycle, loop.changed."""
        if isinstance(obj, Macro) or obj in (self._range, _Namespace):
            return True
        return isinstance(getattr(obj, "__self__", None), LoopContext) and obj.__name__ in ("cycle", "changed")

    def unsafe_undefined(self, obj: Any, attribute: str) -> Undefined:  # noqa: ARG002
        """Say so without words of Python's."""
        return self.undefined(
            f"{attribute} is not for templates; a filter may do it", name=attribute, exc=SecurityError
        )

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Call what may be called."""
        __self.spend()
        if not __self.is_safe_callable(__obj):
            raise SecurityError("a call that is not for templates; a filter may do it")
        return __context.call(__obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """The operators that make large things, within bounds."""
        self.spend()
        if operator == "**":
            raise SecurityError("the operator ** is not for templates")
        if operator == "%" and isinstance(left, str):
            return self._sized(_format(left, right))
        if operator == "*" and not all(
            isinstance(one, int | float) and abs(one) < _LARGEST_FACTOR for one in (left, right)
        ):
            raise SecurityError("the operator * is for numbers")
        return self._sized(super().call_binop(context, operator, left, right))

    # -- Filters

    def _filters(self) -> dict[str, Callable[..., Any]]:
        ours: dict[str, Callable[..., Any]] = {
            "bounded": self._bounded,
            "concatenated": lambda values: "".join(map(str, values)),
            "discord_time": _discord_time,
            "format": lambda text, *values: _format(text, values),
            "isk": lambda value: Safe(isk.short(float(value))),
            "link": self._link,
            "listed": lambda values: values,
            "number": lambda value: Safe(f"{value:,.0f}"),
            "relative": lambda value: _discord_time(value, "R"),
            "replace": _replaced,
            "round": _rounded,
        }
        filters = {name: FILTERS[name] for name in FROM_JINJA} | ours
        return {name: one if name == "bounded" else self._guarded(one) for name, one in filters.items()}

    def _guarded(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            self.spend()
            found = function(*args, **kwargs)
            return self._sized(list(islice(found, MOST_LISTED + 1)) if isinstance(found, Iterator) else found)

        return guarded

    def _tested(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def tested(*args: Any, **kwargs: Any) -> Any:
            for one in (*args, *kwargs.values()):
                self._sized(one)
            return function(*args, **kwargs)

        return tested

    def _sized(self, found: Any) -> Any:
        """Let through what is of a bearable size."""
        if isinstance(found, str) and len(found) > MOST_TEXT:
            raise TemplateRuntimeError("a text becomes too long")
        self.spend(len(found) if isinstance(found, str) else _weight(found))
        return found

    @pass_context
    def _bounded(self, _: Context, values: Iterable[Any]) -> Iterator[Any]:
        """What each loop goes through."""
        for value in values:
            self.spend()
            yield value

    def _range(self, *bounds: int) -> range:
        found = range(*bounds)
        if len(found) > MOST_LISTED:
            raise TemplateRuntimeError(f"a range of more than {MOST_LISTED:,}")
        return found

    def _link(self, value: Any) -> str:
        """Give "[name](address)", the name alone where there is no page, or where nothing is formatted."""
        address = getattr(value, "link", "") if isinstance(value, VALUES) else ""
        text = self.shown(value)
        return Safe(f"[{text}]({address})") if address and text.strip() and not self.unformatted else text


class _Namespace(Namespace):
    """Jinja2's, but as a text it does not hold all that is in it."""

    def __repr__(self) -> str:
        return "a namespace"


def _weight(value: object) -> int:
    """Count the values in a list, and in the lists in it: a list of lists of lists is soon larger than any memory."""
    if isinstance(value, dict):
        inner: Iterable[object] = (*value, *value.values())
    elif isinstance(value, list | tuple):
        inner = value
    else:
        return 1
    total = 1
    for one in inner:
        total += _weight(one)
        if total > MOST_LISTED:
            raise TemplateRuntimeError("a list becomes too long")
    return total


@pass_context
def _finalized(context: Context, value: object) -> str:
    """With the context, so that Jinja2 does not apply it to constants while it compiles."""
    assert isinstance(context.environment, Sandbox)
    return context.environment.shown(value)


def _discord_time(seconds: Any, style: str = "f") -> Safe:
    if not isinstance(seconds, int) or style not in _STYLES or len(style) != 1:
        raise TemplateRuntimeError(f"discord_time takes kill.time and one of the styles {', '.join(_STYLES)}")
    return Safe(f"<t:{int(seconds)}:{style}>")


def _format(text: Any, values: Any) -> str:
    plainly = str(text)
    if _WIDE.search(plainly):
        raise TemplateRuntimeError("a format by name, or of more than 999 characters' width")
    return str(plainly % values)


def _replaced(text: Any, old: str, new: str) -> str:
    before = str(text)
    if before.count(old) * len(new) > MOST_TEXT:
        raise TemplateRuntimeError("a text becomes too long")
    return before.replace(old, new)


def _rounded(value: Any, precision: int = 0, method: str = "common") -> Any:
    if not isinstance(precision, int) or abs(precision) > _MOST_DIGITS:
        raise TemplateRuntimeError(f"round takes at most {_MOST_DIGITS} digits")
    return FILTERS["round"](value, precision, method)
