"""Templates of one's own: what they may say, that no name forges anything in them, and that they come to an end."""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from messages_samples import (
    CORPORATION,
    HUNTERS,
    NAMES,
    NASTY,
    FakeUniverse,
    broken_limits,
    forgeries,
    killmail,
    nasty_names,
    notices,
    units,
)

import ops
from notifier.messages import KillNotice, Named, Party, Place, TemplateFailed, compose, kill_notice, read_template
from notifier.messages.template import LARGEST, SAMPLE, compiled
from notifier.messages.template_names import VALUES, Names
from notifier.messages.template_sandbox import FROM_JINJA
from notifier.messages.template_text import cut, tidy
from ops.simulators.discord.payload import refusal

TEMPLATES = Path(ops.__file__).parent / "templates"
SHIPPED = {name: read_template(TEMPLATES / f"{name}.j2") for name in ("plain", "fleet")}
BARE = KillNotice(1, 0, Party(), Place(Named(1)), 0)
HOSTILE = (*NASTY, "@everyone [x](https://evil.example) **b** `c` <@1>", "](https://evil.example)[", "1. a", "O_o_O")


def notice(name: str | None = None) -> KillNotice:
    names = NAMES if name is None else dict.fromkeys(NAMES, name)
    tickers = {CORPORATION: name or "MINE", HUNTERS: name or "WOLF"}
    return kill_notice(killmail(), names, FakeUniverse(), ("home",) if name is None else (name,), tickers=tickers)


def embed(source: str, found: KillNotice | None = None) -> dict[str, Any]:
    return compiled(source).embed(notice() if found is None else found)


def described(source: str, found: KillNotice | None = None) -> str:
    text = embed("{% block title %}t{% endblock %}" + source, found).get("description", "")
    assert isinstance(text, str)
    return text


def failure(source: str, found: KillNotice | None = None) -> str:
    with pytest.raises(TemplateFailed) as caught:
        embed(source, found)
    return str(caught.value)


# -- What a template may say


def test_what_the_template_leaves_out_is_as_in_the_built_in_layouts() -> None:
    assert embed("{{ victim }} in {{ system }}") == {
        "title": "Poor Pilot lost a Rifter",
        "url": "https://zkillboard.com/kill/130678514/",
        "color": 0x3498DB,
        "timestamp": "2026-11-23T18:20:11+00:00",
        "thumbnail": {"url": "https://images.evetech.net/types/587/render?size=128"},
        "footer": {"text": "home"},
        "description": "Poor Pilot in Jita",
    }


def test_blocks_take_the_place_of_the_built_in_parts() -> None:
    source = """
    {% set who = victim.corporation %}
    outside of blocks
    {% block title %}
      {{ who }}
      lost
    {% endblock %}
    {% block description %}**{{ value | isk }}**{% endblock %}
    {% block footer %}{{ kill.id }} of {{ system }}{% endblock %}
    {% block colour %}{{ "#ff8800" if value > 1e9 else side }}{% endblock %}
    """
    found = embed(source)
    assert (found["title"], found["description"]) == ("Miners Inc. lost", "**1.25b**")
    assert (found["footer"], found["color"]) == ({"text": "130678514 of Jita"}, 0xFF8800)


@pytest.mark.parametrize("text", ["loss", "#E74C3C", "e74c3c", "{{ 'loss' }}", " loss\n"])
def test_a_colour_is_a_number_or_the_name_of_a_side(text: str) -> None:
    assert embed("x{% block colour %}" + text + "{% endblock %}")["color"] == 0xE74C3C


def test_an_empty_footer_is_none() -> None:
    assert "footer" not in embed("x{% block footer %}{% endblock %}")


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("{{ victim | link }}", "[Poor Pilot](https://zkillboard.com/character/90000001/)"),
        ("{{ victim.alliance }} {{ victim.ticker }}", "Rock Union MINE"),
        ("{{ final_blow.weapon }}, {{ top_damage.damage | number }}", "125mm Gatling AutoCannon I, 700"),
        ("{{ system.security }} {{ system.detail }} {{ system.region | link }}", "0.9 0.9 [The Forge](https://zkillboard.com/region/10000002/)"),
        ("{{ dropped | isk }} {{ destroyed | isk }}", "300m 950m"),
        ("{{ kill.time | relative }} {{ kill.time | discord_time('T') }}", "<t:1795458011:R> <t:1795458011:T>"),
        ("{% for one in organisations %}{{ one }}{{ ', ' if not loop.last }}{% endfor %}", "Pack of Packs, Guristas"),
        ("{{ ship_groups | map(attribute='name') | join(' / ') }}", "Interdictor / Frigate"),
        ("{% set ns = namespace(n=0) %}{% for i in range(5) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "10"),
        ("{% macro bold(x) %}**{{ x }}**{% endmacro %}{{ bold(victim) }}", "**Poor Pilot**"),
        ("{% set x %}*{{ attackers }}*{% endset %}{{ x }}", "*2*"),
        ("{{ '%.1f' | format(value / 1e9) }}b", r"1\.2b"),
        ("[report]({{ links.battle_report }})", "[report](https://br.evetools.org/related/30000142/202611231800)"),
    ],
)  # fmt: skip
def test_names_and_filters_give_what_the_table_says(source: str, shown: str) -> None:
    assert described(source) == shown


def test_what_is_not_known_is_empty_and_false() -> None:
    source = (
        "[{{ final_blow.name }}{{ victim.alliance.ticker }}{{ system.region }}{{ links.eve_who }}{{ value | isk }}]"
    )
    assert described(source, BARE) == "[0]"
    assert described("{{ 'x' if victim.ship or final_blow or system.region else 'none' }}", BARE) == "none"


def test_the_readme_lists_every_name_and_filter() -> None:
    page = (TEMPLATES / "README.md").read_text("utf-8")
    fields = {field for kind in (*VALUES, Names) for field in kind.__dataclass_fields__}
    for word in (*fields, *FROM_JINJA, "isk", "number", "relative", "discord_time", "link", "format", "replace"):
        assert any(f"{before}{word}" in page for before in ("`", ".", " ")), word


# -- No name forges anything

EXPRESSIONS = [
    "{{ victim.name }}",
    "{{ victim }}",
    "[{{ victim.name }}]({{ kill.link }})",
    "{{ victim | link }}",
    "{{ [victim, final_blow] | map('link') | join(' ') }}",
    "{{ victim.name | upper }}",
    "{{ victim.name | title | lower | capitalize }}",
    "{{ victim.name | trim | reverse }}",
    "{{ '%s' | format(victim.name) }}",
    "{{ '%s %s' | format(victim, system.name) }}",
    "{{ '%s' % victim.name }}",
    "{{ victim.name ~ final_blow.name }}",
    "{{ kill.link ~ victim.name }}",
    "{{ victim.name + final_blow.name }}",
    "{{ [victim.name, final_blow.name] | join('*') }}",
    "{{ organisations | join(victim.name) }}",
    "{{ 'x' | replace('x', victim.name) }}",
    "{{ kill.link | replace('https', victim.name) }}",
    "{{ victim.name | replace('a', 'https://') }}",
    "{{ victim.name | truncate(5, true, '@here') }}",
    "{{ '' | default(victim.name, true) }}",
    "{{ victim.name | string }}",
    "{{ victim.name | list | join }}",
    "{{ victim.name[0:9] }}",
    "{{ victim.name | list | sort | join }}",
    "{% macro m(x) %}{{ x }}{% endmacro %}{{ m(victim.name) }}",
    "{% macro m(x) %}{{ x }}{{ caller() }}{% endmacro %}{% call m(victim) %}{{ victim.name }}{% endcall %}",
    "{% set x %}{{ victim.name }}{% endset %}{{ x }}",
    "{% for c in victim.name %}{{ c }}{% endfor %}",
    "{{ subscriptions[0] }}",
    "{{ victim.ticker }}",
    "{{ {'a': victim.name}['a'] }}",
    "{% set ns = namespace() %}{% block footer %}{% set ns.x %}{{ victim.name }}{% endset %}f{% endblock %}{{ ns.x }}",
]


@pytest.mark.parametrize("source", EXPRESSIONS)
def test_no_name_pings_links_or_formats_whatever_a_template_does_to_it(source: str) -> None:
    template = compiled("{% block title %}t{% endblock %}" + source)
    for name in HOSTILE:
        text = template.embed(notice(name)).get("description", "")
        assert isinstance(text, str)
        assert forgeries(text) == [], (name, text)


def test_what_a_footer_shows_unescaped_is_escaped_elsewhere() -> None:
    source = (
        "{% set ns = namespace() %}"
        "{% block footer %}{% set ns.x %}{{ victim.name }}{% endset %}{{ victim.name }}{% endblock %}"
        "{% block description %}{{ ns.x }}{% endblock %}"
    )
    found = embed(source, notice("**a_b**"))
    assert found["footer"] == {"text": "**a_b**"}
    assert found["description"] == r"\*\*a\_b\*\*"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(nasty_names)
def test_any_name_stays_a_name(name: str) -> None:
    found = msgspec.structs.replace(notice(), victim=Party(character=Named(1, name)))
    for source in ("[{{ victim.name }}]({{ kill.link }})", "{{ victim.name | upper ~ '|' }}", "{{ victim | link }}"):
        assert forgeries(described(source, found)) == []


# -- Limits


@pytest.mark.parametrize("name", SHIPPED)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(found=notices)
def test_the_shipped_templates_stay_inside_every_limit_for_any_kill(name: str, found: KillNotice) -> None:
    group = [msgspec.structs.replace(found, killmail_id=number) for number in range(10)]
    message = compose(group, 10, "full", SHIPPED[name])
    assert message.failures == ()
    assert 1 <= message.taken == len(message.payload["embeds"])  # type: ignore[arg-type]
    assert broken_limits(message.payload) == []
    assert refusal(message.payload) is None
    assert message.payload["allowed_mentions"] == {"parse": []}


@pytest.mark.parametrize("name", SHIPPED)
def test_the_shipped_templates_take_a_kill_of_which_nothing_is_known(name: str) -> None:
    assert SHIPPED[name].embed(BARE)["description"]
    assert SHIPPED[name].embed(SAMPLE)["description"]


def test_what_is_too_long_is_cut() -> None:
    words = "{% for i in range(450) %}word {% endfor %}"
    blocks = "".join(f"{{% block {name} %}}{words}{{% endblock %}}" for name in ("title", "footer"))
    found = embed(f"{blocks}{words}{words}")
    texts = (found["title"], found["footer"]["text"], found["description"])
    assert [units(text) for text in texts] == [255, 2048, 3697]
    assert all(text.endswith("…") for text in texts)


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("as it is", 8, "as it is"),
        ("a long text", 8, "a long…"),
        ("first line\nsecond", 14, "first line\n…"),
        ("a\nsecond line", 8, "a\nsecon…"),
        ("see [name](https://zkillboard.com/kill/1/) now", 30, "see…"),
        (r"a\*b", 3, "a…"),
        ("at <t:1795458011:R> or so", 12, "at…"),
        ("𒐫𒐫𒐫", 5, "𒐫𒐫…"),
        ("x", 0, ""),
    ],
)
def test_a_cut_goes_through_no_link_time_or_escape(text: str, limit: int, shown: str) -> None:
    assert cut(text, limit) == shown
    assert units(cut(text, limit)) <= limit


def test_statements_leave_no_gaps() -> None:
    assert tidy("\n\n a\n\n \n\nb\n \nc \n") == "a\n\nb\n \nc"


def test_fewer_kills_go_into_a_message_where_templates_do_not_fit_together() -> None:
    template = compiled("{% for i in range(400) %}word {% endfor %}")
    group = [msgspec.structs.replace(notice(), killmail_id=number) for number in range(5)]
    message = compose(group, 50, "full", template)
    assert (message.taken, message.failures) == (2, ())
    assert broken_limits(message.payload) == []


# -- What fails


def test_a_kill_for_which_the_template_fails_gets_the_layout_and_the_others_keep_the_template() -> None:
    template = compiled("{% if kill.id == 1 %}\n{{ victim.nmae }}{% endif %}own")
    group = [msgspec.structs.replace(notice(), killmail_id=number) for number in range(3)]
    message = compose(group, 3, "compact", template)
    assert message.taken == 3
    assert message.failures == ("line 2: 'Who' has no attribute 'nmae'",)
    embeds: list[dict[str, Any]] = message.payload["embeds"]  # type: ignore[assignment]
    assert [one["description"] == "own" for one in embeds] == [True, False, True]
    assert embeds[1] == compose(group[1:2], 3, "compact").payload["embeds"][0]  # type: ignore[index]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("a\n{% if %}", "line 2: Expected an expression, got 'end of statement block'"),
        ("a\n{{ victim | uper }}", "line 2: No filter named 'uper'"),
        ("{% block titel %}{% endblock %}", "line 1: the block titel, expected one of title, description, "),
        ("{% if solo %}\n{{ victm.name }}{% endif %}", "line 2: victm is no name of ours; did you mean victim?"),
        ("{% include 'other.j2' %}", "line 1: include: a template reads no other files"),
        ("{% import '/etc/passwd' as x %}", "a template reads no other files"),
        ("{% extends victim.name %}", "a template reads no other files"),
        ("{% autoescape true %}{{ victim }}{% endautoescape %}", "line 1: autoescape: names are escaped already"),
        ("x{% macro m(a, a) %}{% endmacro %}", "duplicate argument 'a'"),
        ("x{% macro m(a) %}{% endmacro %}{{ m(a=1, a=2) }}", "keyword argument repeated"),
        ("{% for a in [1] %}" * 21 + "x" + "{% endfor %}" * 21, "too many statically nested blocks"),
        ("{% if 1 %}" * 101 + "x" + "{% endif %}" * 101, "too many levels of indentation"),
        ("{{ 1" + " + 1" * 300 + " }}", "too many nested parentheses"),
        ("{% filter reverse %}{{ victim }}{% endfilter %}", "line 1: a filter block"),
        ("https://discord.com/api/webhooks/1/secret", "a webhook's address"),
        ("", "writes nothing"),
        ("{% block title %}{% endblock %} \n", "writes nothing"),
        ("x{% block colour %}blueish{% endblock %}", "a colour that is neither #rrggbb nor one of kill, loss, neutral"),
        ("x{{ victim.name / 2 }}", "line 1: fails with TypeError"),
        ("\n{{ 1 / npc }}", "line 2: fails with ZeroDivisionError"),
        ("{{ organisations }}", "a tuple cannot be shown"),
        ("{{ value | discord_time }}", "discord_time takes kill.time"),
        ("{{" + "(" * 5_000, "is nested too deep"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_nothing_of_the_kill(source: str, reason: str) -> None:
    told = failure(source)
    assert reason in told
    assert "Poor Pilot" not in told
    assert "notifier" not in told


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ ''['__class__'] }}",
        "{{ victim.__class__.__mro__ }}",
        "{{ victim['__class__'] }}",
        "{{ self._TemplateReference__context }}",
        "{{ self }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ namespace.__init__ }}",
        "{{ namespace(a=1).__class__ }}",
        "{{ namespace(a=1)['__class__'] }}",
        "{{ range.__self__ }}",
        "{{ range }}",
        "{{ lipsum() }}",
        "{{ dict(a=1) }}",
        "{{ victim.name.upper() }}",
        "{{ victim.name.format }}",
        "{{ '{0.__class__}'.format(victim) }}",
        "{{ '' | attr('__class__') }}",
        "{{ [victim] | map(attribute='__class__') | join }}",
        "{{ victim.name | xmlattr }}",
        "{% macro m() %}{% endmacro %}{{ m._func }}",
        "{% for x in [1] %}{{ loop.__init__.__globals__ }}{% endfor %}",
        "{% for x in [1] %}{{ loop._iterator }}{% endfor %}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% set victim.name = 'x' %}y",
        "{% set x = [1].append(2) %}y",
    ],
)
def test_nothing_leads_out_of_the_sandbox(source: str) -> None:
    assert failure("x" + source)


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% for a in range(999) %}{% for b in range(999) %}{% endfor %}{% endfor %}",
        "{% for a in range(999) %}{% for b in range(999) %}{{ b }}{% endfor %}{% endfor %}",
        "{% set x = 'aaaaaaaaaaaaaaaaaaaaaaaaa' %}"
        + "".join(f"{{% for c{i} in x %}}" for i in range(9))
        + "{% endfor %}" * 9,
        "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(n) %}{% if n %}{% set a = m(n - 1) %}{% set b = m(n - 1) %}{% endif %}{% endmacro %}{{ m(40) }}",
        "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x='ab') %}{% for i in range(99) %}"
        "{% set ns.x = ns.x | replace('a', 'aaab') %}{% endfor %}",
        "{% set ns = namespace(x='ab') %}"
        "{% for i in range(99) %}{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}{% endfor %}",
        "{% set ns = namespace(x=9) %}{% for i in range(99) %}{% set ns.x = ns.x * ns.x %}{% endfor %}",
        "{{ 'a' * 999999999 }}",
        "{{ [1] * 999999999 }}",
        "{% set l = range(99) | list %}" + "{% set l = [l, l, l, l, l, l, l, l, l] %}" * 12 + "{{ l | string }}",
        "{% set l = 'x' %}" + "{% set l = (l, l, l, l, l, l, l, l, l) %}" * 12 + "{{ [l] | unique | list | length }}",
        "{% set l = 'x' %}" + "{% set l = {1: l, 2: l, 3: l, 4: l, 5: l, 6: l} %}" * 12 + "{{ '%s' % l }}",
        "{% macro m() %}{{ varargs }}{% endmacro %}{{ m(1, 2) }}",
        "{{ 5 | round(-999999999) }}",
        "{{ 5 | round(999999999, 'ceil') }}",
        "{% set a = '%999d' % 1 %}{% for i in range(900) %}"
        + "{% if 'b' in a or 'c' is in(a) %}{% endif %}" * 99
        + "{% endfor %}",
        "{% for i in range(900) %}" + "{% set x = victim.ship.id // 3 %}" * 99 + "{% endfor %}",
        "{{ 9 ** 9 ** 9 ** 9 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '%(a)999999999d' % {'a': 1} }}",
        "{{ '%*d' | format(999999999, 1) }}",
        "{{ '%.999999999f' | format(1) }}",
        "{{ 'x' | center(999999999) }}",
        "{{ [] | batch(999999999, 'x') | list }}",
        "{% for i in range(900) %}" + "x" * 60 + "{% endfor %}",
    ],
)
def test_everything_comes_to_an_end(source: str) -> None:
    assert failure("x" + source)


def test_what_was_spent_on_one_kill_is_there_again_for_the_next() -> None:
    template = compiled("{% for i in range(999) %}{{ '' if i else 'x' }}{% endfor %}")
    for _ in range(12):
        assert template.embed(notice())["description"] == "x"


# -- Files


def test_a_file_that_is_no_template_is_one_reason(tmp_path: Path) -> None:
    file = tmp_path / "own.j2"
    for content, reason in ((b"a\n\xff", "line 2: a byte that is not UTF-8"), (b"x" * (LARGEST + 1), "more than")):
        file.write_bytes(content)
        with pytest.raises(TemplateFailed, match=reason):
            read_template(file)
    os.mkfifo(tmp_path / "pipe.j2")
    with pytest.raises(TemplateFailed, match="not a file"):
        read_template(tmp_path / "pipe.j2")
    with pytest.raises(TemplateFailed, match="nothing readable"):
        read_template(tmp_path / "none.j2")
    with pytest.raises(TemplateFailed, match="nothing readable"):
        read_template(tmp_path)
