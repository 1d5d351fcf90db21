"""A template in Jinja2 and its embeds, made of the blocks title, description, footer, colour (all of them optional)."""

import re
import traceback
from collections.abc import Callable, Iterator
from dataclasses import fields
from types import TracebackType
from typing import Any, Final

from jinja2 import Template as Compiled
from jinja2 import TemplateError, TemplateSyntaxError, nodes
from jinja2.runtime import Context
from jinja2.visitor import NodeTransformer

from notifier.messages import parts
from notifier.messages.escape import length
from notifier.messages.notice import KillNotice
from notifier.messages.template import TemplateFailed
from notifier.messages.template_names import Names, names_of
from notifier.messages.template_sandbox import Sandbox
from notifier.messages.template_text import cut, one_line, tidy
from notifier.problem import did_you_mean

BLOCKS: Final = ("title", "description", "footer", "colour")
_UNFORMATTED: Final = ("footer", "colour")
"""Where Discord formats nothing, so that nothing is escaped."""
TITLE, DESCRIPTION, FOOTER, ALL = 256, 4_096, 2_048, 6_000
"""Discord's limits, in UTF-16 code units."""
_NAME, _BUILT_IN_FOOTER = 50, 200
"""As the full layout has them, for the parts that the template does not have."""

_NAMES: Final = tuple(field.name for field in fields(Names))
_FILES: Final = (nodes.Extends, nodes.Include, nodes.Import, nodes.FromImport)
_ERRORS: Final = (
    TemplateError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NameError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)
"""What a template can raise. Not all exceptions: a job's timeout may strike here, and is not the template's."""


_OWN_PREFIX: Final = re.compile(r"\bl_\d+_")
"""What Jinja2 puts before a template's names where it makes Python of them."""


class JinjaTemplate:
    """A template that was found good, as `notifier.messages.template.Template` has it."""

    def __init__(self, source: str) -> None:
        """Raises TemplateFailed for a mistake."""
        self._sandbox = Sandbox()
        try:
            tree = self._sandbox.parse(source)
            _check(tree, self._sandbox)
            bounded = _Bounded().visit(tree)
            bounded.set_environment(self._sandbox)
            code = self._sandbox.compile(bounded)
            self._template = Compiled.from_code(self._sandbox, code, self._sandbox.globals)
        except TemplateSyntaxError as error:
            raise TemplateFailed(_short(error.message or "a mistake in the syntax"), error.lineno) from None
        except _ERRORS as error:
            raise TemplateFailed(_reason(error)) from None

    def embed(self, notice: KillNotice) -> dict[str, object]:
        """Give the embed of one kill: the built-in frame, and in it what the template has."""
        try:
            written = self._written(notice)
        except _ERRORS as error:
            raise TemplateFailed(_reason(error), _line(error.__traceback__, self._template)) from None
        title, description = one_line(written.get("title", "")), tidy(written.get("description", ""))
        if not title and not description:
            raise TemplateFailed("writes nothing: no title and no description")
        embed = parts.frame(notice, _NAME, _BUILT_IN_FOOTER)
        if "colour" in written:
            embed["color"] = self._colour(one_line(written["colour"]))
        if "footer" in written:
            footer = cut(one_line(written["footer"]), FOOTER)
            embed.pop("footer", None)
            embed |= {"footer": {"text": footer}} if footer else {}
        if "title" in written:
            del embed["title"]
            embed |= {"title": cut(title, TITLE)} if title else {}
        return _with_description(embed, description)

    def _written(self, notice: KillNotice) -> dict[str, str]:
        """Give the text of each block that was come through, and as the description what stands outside of them."""
        self._sandbox.begin()
        found = names_of(notice)
        context = self._template.new_context({name: getattr(found, name) for name in _NAMES})
        written: dict[str, str] = {}
        for name, block in self._template.blocks.items():
            context.blocks[name] = [self._kept(name, block, written)]
        outside = self._joined(self._template.root_render_func(context))
        return written if "description" in self._template.blocks else {**written, "description": outside}

    def _kept(
        self, name: str, block: Callable[[Context], Iterator[str]], written: dict[str, str]
    ) -> Callable[[Context], Iterator[str]]:
        """Have a block's text kept under its name instead of written where it stands."""

        def keep(context: Context) -> Iterator[str]:
            before, self._sandbox.unformatted = self._sandbox.unformatted, name in _UNFORMATTED
            written[name] = self._joined(block(context))
            self._sandbox.unformatted = before
            yield ""

        return keep

    def _joined(self, pieces: Iterator[str]) -> str:
        return "".join(self._sandbox.write(piece) for piece in pieces)

    def _colour(self, text: str) -> int:
        for side, colour in parts.COLOURS.items():
            if text == side:
                return colour
        if re.fullmatch(r"#?[0-9A-Fa-f]{6}", text):
            return int(text.removeprefix("#"), 16)
        raise TemplateFailed(f"a colour that is neither #rrggbb nor one of {', '.join(parts.COLOURS)}")


def _with_description(embed: dict[str, object], description: str) -> dict[str, object]:
    """Add it in the room that title and footer leave of a message."""
    title, footer = embed.get("title", ""), embed.get("footer", {"text": ""})
    assert isinstance(title, str)
    assert isinstance(footer, dict)
    room = min(DESCRIPTION, ALL - length(title) - length(footer["text"]))
    return {**embed, "description": cut(description, room)} if description else embed


class _Bounded(NodeTransformer):
    """Has each loop, each `~`, each comparison and each list go through the sandbox."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802
        """Count its turns."""
        node.iter = _filtered(node.iter, "bounded")
        return self.generic_visit(node)

    def visit_List(self, node: nodes.Literal) -> nodes.Node:  # noqa: N802
        """Look at the size of what is in it."""
        return _filtered(self.generic_visit(node), "listed")

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802
        """As a list, but for one of names that are given values."""
        return self.visit_List(node) if node.ctx == "load" else node

    visit_Dict = visit_List  # noqa: N815

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        """Pay for the size of what is compared, or searched."""
        self.generic_visit(node)
        node.expr = _filtered(node.expr, "listed")
        for operand in node.ops:
            operand.expr = _filtered(operand.expr, "listed")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """Look at the size of what comes of it."""
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno), "concatenated")


def _filtered(node: Any, name: str) -> nodes.Filter:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _check(tree: nodes.Template, sandbox: Sandbox) -> None:
    """Refuse what is known to fail without a kill to try it on."""
    for node in tree.find_all(_FILES):
        raise TemplateFailed(f"{type(node).__name__.lower()}: a template reads no other files", node.lineno)
    for scope in tree.find_all(nodes.EvalContextModifier):
        raise TemplateFailed("autoescape: names are escaped already", scope.lineno)
    for part in tree.find_all(nodes.FilterBlock):
        raise TemplateFailed("a filter block, whose text would not be escaped: use {{ name | filter }}", part.lineno)
    for loop in tree.find_all(nodes.For):
        if loop.recursive:
            raise TemplateFailed("a recursive loop", loop.lineno)
    for block in tree.find_all(nodes.Block):
        if block.name not in BLOCKS:
            hint = did_you_mean(block.name, BLOCKS)
            raise TemplateFailed(
                f"the block {_short(block.name)}, expected one of {', '.join(BLOCKS)}{hint}", block.lineno
            )
    known, own = {*_NAMES, *sandbox.globals}, _given(tree)
    for name in tree.find_all(nodes.Name):
        if name.name not in known | own:
            raise TemplateFailed(f"{_short(name.name)} is no name of ours{did_you_mean(name.name, known)}", name.lineno)


def _given(tree: nodes.Template) -> set[str]:
    """Give the names that the template gives itself."""
    stored = {name.name for name in tree.find_all(nodes.Name) if name.ctx != "load"}
    return stored | {macro.name for macro in tree.find_all(nodes.Macro)} | {"loop", "caller"}


def _reason(error: BaseException) -> str:
    """Say what happened: in Jinja2's words, which name what the template says; others' may name what a kill holds."""
    if isinstance(error, RecursionError):
        return "is nested too deep"
    if isinstance(error, SyntaxError):
        return f"cannot be used as Python: {_short(_OWN_PREFIX.sub('', error.msg))}"
    if isinstance(error, TemplateError):
        return _short(re.sub(r"'(?:\w+\.)+(\w+) object'", r"'\1'", error.message or type(error).__name__))
    return f"fails with {type(error).__name__}"


def _short(text: str) -> str:
    return " ".join(text.split())[:200]


def _line(trace: TracebackType | None, template: Compiled) -> int | None:
    """Find the line of the template in which it happened."""
    lines = [
        template.get_corresponding_lineno(line)
        for frame, line in traceback.walk_tb(trace)
        if frame.f_globals.get("__jinja_template__") is template
    ]
    return lines[-1] if lines else None
