import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.messages.escape import escape, plain
from ops.simulators.discord.markdown import DEEPEST, relative, render
from tests.unit.messages_samples import nasty_names

NOW = 1_795_458_000.0
TAGS = {"a", "b", "br", "code", "em", "pre", "s", "span", "strong", "time", "u"}
ATTRIBUTES = {
    "a": {"href", "target", "rel"},
    "span": {"class"},
    "time": {"title"},
}


class Reader(HTMLParser):
    """Reads HTML back: its text, and whatever it has that the renderer must never make."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.links: list[str] = []
        self.foreign: list[object] = []

    def handle_starttag(self, tag, attributes):
        if tag not in TAGS or {name for name, _ in attributes} - ATTRIBUTES.get(tag, set()):
            self.foreign.append((tag, attributes))
        self.text += "\n" if tag == "br" else ""
        self.links += [value for name, value in attributes if name == "href"]

    def handle_data(self, data):
        self.text += data

    def handle_comment(self, data):
        self.foreign.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("plain", "plain"),
        ("**1.25b ISK** (300m dropped)", "<strong>1.25b ISK</strong> (300m dropped)"),
        ("*a* _b_ ~~c~~ __d__", "<em>a</em> <em>b</em> <s>c</s> <u>d</u>"),
        ("snake_case_name", "snake_case_name"),
        ("**a *b* c**", "<strong>a <em>b</em> c</strong>"),
        ("||secret||", '<span class="spoiler">secret</span>'),
        ("`a **b** <c>`", "<code>a **b** &lt;c&gt;</code>"),
        ("``a ` b``", "<code>a ` b</code>"),
        ("```\nx\n```", "<pre><code>x</code></pre>"),
        (r"\*not bold\* \\ \`", r"*not bold* \ `"),
        (r"\a", r"\a"),
        ("a\nb", "a<br>b"),
        ("<script>alert('x') & more</script>", "&lt;script&gt;alert(&#39;x&#39;) &amp; more&lt;/script&gt;"),
        ("** not closed", "** not closed"),
        ("<@123>", '<span class="mention">&lt;@123&gt;</span>'),
        ("@everyone", '<span class="mention">@everyone</span>'),
        ("[a](javascript:alert(1))", "[a](javascript:alert(1))"),
        ("<t:99999999999999999:R>", "&lt;t:99999999999999999:R&gt;"),
    ],
)
def test_what_discord_formats_becomes_html(text, html):
    assert render(text, NOW) == html


def test_a_link_opens_its_address_and_shows_its_text_formatted():
    html = render(r"[Poor \*Pilot \& **Co**](https://zkillboard.com/character/9/?a=1&b=2)", NOW)
    assert html == (
        '<a href="https://zkillboard.com/character/9/?a=1&amp;b=2" target="_blank" rel="noopener noreferrer">'
        "Poor *Pilot &amp; <strong>Co</strong></a>"
    )


def test_inside_a_link_there_is_no_second_one():
    assert render("[a](https://x.y/) https://z.w/", NOW, in_link=True) == "a https://z.w/"


def test_a_bare_address_is_a_link_without_the_stop_after_it():
    assert read(render("see https://zkillboard.com/kill/1/. And <https://a.b/>", NOW)).links == [
        "https://zkillboard.com/kill/1/",
        "https://a.b/",
    ]


def test_a_time_is_shown_as_far_from_now_with_the_date_as_its_title():
    html = render(f"<t:{int(NOW) - 7200}:R>", NOW)
    assert html == '<time title="Monday, 23 November 2026 16:20 UTC">2 hours ago</time>'
    assert read(render("<t:0:D>", NOW)).text == "01 January 1970"
    assert read(render("<t:0>", NOW)).text == "01 January 1970 00:00"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "a few seconds ago"),
        (44, "a few seconds ago"),
        (45, "a minute ago"),
        (150, "2 minutes ago"),
        (44 * 60, "44 minutes ago"),
        (46 * 60, "an hour ago"),
        (21 * 3600, "21 hours ago"),
        (23 * 3600, "a day ago"),
        (25 * 86400, "25 days ago"),
        (30 * 86400, "a month ago"),
        (300 * 86400, "10 months ago"),
        (350 * 86400, "a year ago"),
        (18 * 365.25 * 86400, "18 years ago"),
        (-3600, "in an hour"),
        (-3 * 86400, "in 3 days"),
    ],
)
def test_relative_times_read_like_discords(seconds, words):
    assert relative(NOW - seconds, NOW) == words


def test_emphasis_nests_only_so_deep():
    text = "x"
    for number in range(DEEPEST * 2):
        text = f"**{text}**" if number % 2 else f"~~{text}~~"
    assert read(render(text, NOW)).text.strip("*~") == "x"


@given(
    st.text() | nasty_names | st.lists(st.sampled_from("*_~`|<>[]()\\\"'=& \nahttps://:t@1"), max_size=60).map("".join)
)
def test_no_text_makes_html_of_its_own(text):
    found = read(render(text, NOW))
    assert found.foreign == []
    assert all(re.match(r"https?://", link, re.IGNORECASE) for link in found.links)


@given(nasty_names)
def test_a_name_that_was_escaped_is_shown_as_it_is(name):
    shown = read(render(escape(name, 2000), NOW))
    assert shown.links == []
    expected = plain(name, 2000).translate(str.maketrans({"[": "［", "]": "］", "@": "@\u200b"}))
    assert shown.text == expected
