import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.messages import compose
from ops.simulators.discord.pages import MOST
from ops.simulators.discord.view import Posted, messages
from tests.unit.messages_samples import NASTY, OWN, notices
from tests.unit.simulators.simulators_samples import NOON, PATH, WEBHOOK, Clock, post, request, simulation

CHANNEL = f"/discord/channels/{WEBHOOK}"
HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"


class Elements(HTMLParser):
    """Collects the tags of a page with their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def page(simulated, path=CHANNEL, **more):
    response = request(simulated, "GET", path, **more)
    return response.status, response.body.decode()


@pytest.fixture
def discord():
    simulated = simulation(limits=False)
    yield simulated
    simulated.close()


@pytest.mark.parametrize("path", ["/", "/discord", "/discord/"])
def test_the_root_leads_to_the_channels(discord, path):
    response = request(discord, "GET", path)
    assert (response.status, response.headers["Location"]) == (302, "/discord/channels")


def test_before_the_first_message_the_channels_page_says_that_there_is_none(discord):
    status, text = page(discord, "/discord/channels")
    assert status == 200
    assert "Nothing here yet" in text


def test_the_channels_page_opens_the_first_channel_that_holds_a_message(discord):
    request(discord, "POST", "/simulator/names", {"7": "still-empty"})
    post(discord, {"content": "hello"})
    response = request(discord, "GET", "/discord/channels")
    assert (response.status, response.headers["Location"]) == (302, CHANNEL)


@pytest.mark.parametrize("path", ["/discord/channels/99", "/discord/channels/%2e%2e", "/discord/nothing"])
def test_an_unknown_channel_is_404_and_shows_those_that_exist(discord, path):
    post(discord, {"content": "hello"})
    status, text = page(discord, path)
    assert status == 404
    assert f'href="{CHANNEL}"' in text


def test_only_reading_is_allowed(discord):
    assert request(discord, "POST", CHANNEL).status == 405


def test_a_channel_shows_its_messages_oldest_first_with_the_count_beside_its_name(discord):
    for word in ("first", "second", "third"):
        post(discord, {"content": word})
    status, text = page(discord)
    assert status == 200
    assert text.index("first") < text.index("second") < text.index("third")
    assert "<b>3</b>" in text


def test_only_the_newest_messages_are_shown(discord):
    for number in range(MOST + 5):
        post(discord, {"content": f"message {number:03}."})
    _, text = page(discord)
    assert "message 004." not in text
    assert "message 005." in text
    assert f"the newest {MOST} of {MOST + 5} messages" in text


def test_an_embed_is_shown_with_all_its_parts(discord):
    embed = {
        "title": r"Poor \*Pilot lost a Rifter",
        "url": "https://zkillboard.com/kill/1/",
        "description": "**1.25b ISK** in [Jita](https://zkillboard.com/system/30000142/)",
        "color": 0xE74C3C,
        "timestamp": "2026-11-23T16:20:11Z",
        "author": {
            "name": "Miners *Inc.*",
            "url": "https://a.b/",
            "icon_url": "https://images.evetech.net/alliances/1/logo",
        },
        "thumbnail": {"url": "https://images.evetech.net/types/587/render?size=128"},
        "footer": {"text": "big-kills, ours"},
        "fields": [{"name": str(n), "value": f"value {n}", "inline": n != 5} for n in range(1, 8)],
    }
    assert post(discord, {"embeds": [embed]}).status == 204
    _, text = page(discord)
    assert 'style="border-color:#e74c3c"' in text
    assert '<a href="https://zkillboard.com/kill/1/" target="_blank" rel="noopener noreferrer">Poor *Pilot lost' in text
    assert "<strong>1.25b ISK</strong> in <a " in text
    assert "Miners *Inc.*</a>" in text
    assert "background-image:url('https://images.evetech.net/types/587/render?size=128')" in text
    assert "big-kills, ours • Today at 16:20" in text
    rows = [re.findall("<dt>(.)</dt>", row) for row in re.findall("<dl.*?</dl>", text, re.DOTALL)]
    assert rows == [["1", "2", "3"], ["4"], ["5"], ["6", "7"]]


def test_of_two_embeds_with_one_url_the_first_is_shown(discord):
    post(discord, {"embeds": [{"title": title, "url": "https://a.b/"} for title in ("one", "two")]})
    _, text = page(discord)
    assert "one</a>" in text
    assert "two</a>" not in text


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/x.png",
        "https://images.evetech.net.evil.example/x.png",
        "https://images.evetech.net/types/1/icon');background:url('//evil.example",
    ],
)
def test_no_picture_of_another_place_gets_into_the_page(discord, url):
    assert post(discord, {"embeds": [{"title": "x", "thumbnail": {"url": url}}]}).status == 204
    _, text = page(discord)
    assert 'class="thumbnail"' in text
    assert "evil.example" not in text


@pytest.mark.parametrize(
    ("path", "alone"), [("characters/1/portrait", "pilot"), ("types/45041/icon", "place"), ("types/587/render", "ship")]
)
def test_where_no_picture_comes_a_silhouette_says_what_it_would_show(path, alone):
    embed = {"title": "x", "thumbnail": {"url": f"https://images.evetech.net/{path}?size=64"}}
    [shown] = messages([Posted("1", 0.0, False, {"embeds": [embed]})], 0.0)
    assert [one.subject for one in shown.embeds] == [alone]


@pytest.mark.parametrize("stamp", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-23"])
def test_a_time_at_the_end_of_the_calendar_does_not_break_the_page(discord, stamp):
    assert post(discord, {"embeds": [{"title": "x", "timestamp": stamp}]}).status == 204
    assert page(discord)[0] == 200


def test_a_hostile_text_is_shown_and_never_obeyed(discord):
    part = {"name": HOSTILE, "text": HOSTILE, "value": HOSTILE}
    embed = {"title": HOSTILE, "description": HOSTILE, "author": part, "footer": part, "fields": [part]}
    assert post(discord, {"content": HOSTILE, "username": HOSTILE, "embeds": [embed]}).status == 204
    request(discord, "POST", "/simulator/names", {WEBHOOK: HOSTILE})
    found = Elements(page(discord)[1]).found
    assert sum(tag == "script" for tag, _ in found) == 1
    assert all(tag != "img" and "onerror" not in attributes for tag, attributes in found)


@given(st.lists(notices, min_size=1, max_size=3), st.sampled_from(NASTY))
def test_whatever_the_names_are_a_page_has_only_its_own_elements(some, name):
    simulated = simulation(limits=False)
    assert post(simulated, compose(some, 1).payload).status == 204
    simulated.pages.name({WEBHOOK: name})
    found = Elements(page(simulated)[1]).found
    simulated.close()
    assert sum(tag == "script" for tag, _ in found) == 1
    assert not [tag for tag, _ in found if tag in ("img", "iframe", "object", "link", "form", "base")]
    assert not [name for _, attributes in found for name in attributes if name.startswith("on")]
    links = [attributes["href"] for tag, attributes in found if tag == "a"]
    assert all(link.startswith("/discord/") or re.fullmatch(OWN, link, re.ASCII) for link in links)


def test_the_policy_lets_in_the_games_pictures_and_the_pages_own_script_alone(discord):
    response = request(discord, "GET", "/discord/channels")
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'; img-src https://images.evetech.net;" in policy
    assert re.search(r"script-src 'sha256-[\w+/]{43}='", policy)


def test_an_unchanged_page_is_answered_with_304_until_something_is_posted(discord):
    post(discord, {"content": "hello"})
    tag = request(discord, "GET", CHANNEL).headers["ETag"]
    assert page(discord, headers={"if-none-match": tag}) == (304, "")
    post(discord, {"content": "again"})
    assert page(discord, headers={"if-none-match": tag})[0] == 200


def test_an_edited_message_says_so_and_a_deleted_one_is_gone(discord):
    ids = [_posted(discord, word) for word in ("one", "two")]
    request(discord, "PATCH", f"{PATH}/messages/{ids[0]}", {"content": "changed"})
    request(discord, "DELETE", f"{PATH}/messages/{ids[1]}")
    _, text = page(discord)
    assert "changed" in text
    assert "(edited)" in text
    assert "two" not in text


def _posted(simulated, content):
    return re.search(rb'"id":"(\d+)","channel_id"', post(simulated, {"content": content}, f"{PATH}?wait=true").body)[
        1
    ].decode()


def test_messages_of_one_sender_share_a_head_for_seven_minutes():
    clock = Clock()
    simulated = simulation(clock=clock, limits=False)
    for seconds in (0, 60, 500, 10):
        clock.now += seconds
        post(simulated, {"content": "hello"})
    assert page(simulated)[1].count("Simulated webhook <em>") == 2
    clock.now = NOON + 86_400
    post(simulated, {"content": "hello"})
    _, text = page(simulated)
    simulated.close()
    assert text.count('class="day"') == 2
    assert "Yesterday at 18:20" in text


def test_a_channel_is_shown_under_the_name_that_it_was_given(discord):
    assert request(discord, "POST", "/simulator/names", {WEBHOOK: "big-kills", "8": "wormholes"}).status == 200
    post(discord, {"content": "hello"})
    for path in (CHANNEL, "/discord/channels/big-kills"):
        status, text = page(discord, path)
        assert status == 200
        assert "<title>#big-kills" in text
        assert text.index("<span>big-kills</span><b>1</b>") < text.index("<span>wormholes</span><b>0</b>")


def test_a_name_given_to_a_webhook_is_the_name_of_the_channel_that_it_was_moved_to(discord):
    request(discord, "POST", "/simulator/channels", {WEBHOOK: "42"})
    request(discord, "POST", "/simulator/names", {WEBHOOK: "shared"})
    post(discord, {"content": "hello"})
    assert "<title>#shared" in page(discord, "/discord/channels/42")[1]


@pytest.mark.parametrize("body", [b"", b"[", [], {"1": 2}])
def test_names_of_another_shape_are_refused(discord, body):
    assert request(discord, "POST", "/simulator/names", body).status == 400


def test_a_thread_is_a_channel_of_its_own_whatever_its_id(discord):
    post(discord, {"content": "hello"}, f"{PATH}?thread_id=a/b%22%3E")
    assert request(discord, "GET", "/discord/channels").headers["Location"] == "/discord/channels/a%2Fb%22%3E"
    assert page(discord, "/discord/channels/a%2Fb%22%3E")[0] == 200
