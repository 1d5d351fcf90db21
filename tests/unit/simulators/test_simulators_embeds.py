import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifier.messages import compose
from ops.simulators.discord.embeds import check_embeds
from ops.simulators.discord.form import Form
from ops.simulators.discord.payload import EMPTY, refusal
from tests.unit.messages_samples import notices


def errors(embeds):
    """The errors of a list of embeds as {"0.title": "CODE"}."""
    form = Form()
    check_embeds(embeds, form)
    return _flat((form.body() or {"errors": {}})["errors"].get("embeds", {}))


def _flat(tree, path=""):
    found = {}
    for key, below in tree.items():
        if key == "_errors":
            found[path] = below[0]["code"]
        else:
            found |= _flat(below, f"{path}.{key}" if path else key)
    return found


def field(name="n", value="v", **more):
    return {"title": "t", "fields": [{"name": name, "value": value, **more}]}


@pytest.mark.parametrize(
    ("most", "make", "path"),
    [
        (256, lambda text: {"title": text}, "0.title"),
        (4096, lambda text: {"description": text}, "0.description"),
        (2048, lambda text: {"footer": {"text": text}}, "0.footer.text"),
        (256, lambda text: {"author": {"name": text}}, "0.author.name"),
        (256, lambda text: field(name=text), "0.fields.0.name"),
        (1024, lambda text: field(value=text), "0.fields.0.value"),
    ],
)
def test_a_text_may_be_as_long_as_its_limit_and_no_longer(most, make, path):
    too_long = {path: "BASE_TYPE_MAX_LENGTH"}
    assert errors([make("x" * most)]) == {}
    assert errors([make("x" * (most + 1))]) == too_long
    assert errors([make(f" \n{'x' * most} ")]) == {}, "white space around it does not count"
    assert errors([make("𒐫" * (most // 2))]) == {}
    assert errors([make("𒐫" * (most // 2) + "x")]) == too_long, "lengths are UTF-16 code units"


def test_up_to_25_fields_are_allowed():
    fields = [{"name": "n", "value": "v"}] * 25
    assert errors([{"fields": fields}]) == {}
    assert errors([{"fields": [*fields, fields[0]]}]) == {"0.fields": "BASE_TYPE_MAX_LENGTH"}


def test_up_to_10_embeds_are_allowed():
    assert errors([{"title": "t"}] * 10) == {}
    assert errors([{"title": "t"}] * 11) == {"": "BASE_TYPE_MAX_LENGTH"}


def test_all_texts_of_a_message_together_have_at_most_6000_code_units():
    full = {
        "title": "x" * 256,
        "description": "x" * 2000,
        "footer": {"text": "x" * 244},
        "author": {"name": "x" * 100},
        "fields": [{"name": "x" * 200, "value": "x" * 200}],
    }
    assert errors([full, full]) == {}
    assert errors([full, full, {"title": "x"}]) == {"": "MAX_EMBED_SIZE_EXCEEDED"}
    assert errors([full, full, {"url": "https://a.b/", "thumbnail": {"url": "https://a.b/"}}]) == {}


@pytest.mark.parametrize(
    ("embed", "expected"),
    [
        (field(name=""), {"0.fields.0.name": "BASE_TYPE_REQUIRED"}),
        (field(value=" "), {"0.fields.0.value": "BASE_TYPE_REQUIRED"}),
        (
            {"title": "t", "fields": [{}]},
            {"0.fields.0.name": "BASE_TYPE_REQUIRED", "0.fields.0.value": "BASE_TYPE_REQUIRED"},
        ),
        ({"title": "t", "fields": ["x"]}, {"0.fields.0": "MODEL_TYPE_CONVERT"}),
        ({"title": "t", "fields": {}}, {"0.fields": "LIST_TYPE_CONVERT"}),
        (field(inline="yes"), {"0.fields.0.inline": "BOOLEAN_TYPE_CONVERT"}),
        ({"title": "t", "footer": {}}, {"0.footer.text": "BASE_TYPE_REQUIRED"}),
        ({"title": "t", "author": {"url": "https://a.b/"}}, {"0.author.name": "BASE_TYPE_REQUIRED"}),
        ({"title": "t", "author": "x"}, {"0.author": "MODEL_TYPE_CONVERT"}),
        ({"title": "t", "thumbnail": {}}, {"0.thumbnail.url": "BASE_TYPE_REQUIRED"}),
        ({"url": "https://a.b/"}, {"0.description": "BASE_TYPE_REQUIRED"}),
        ({"title": ["x"]}, {"0.title": "STRING_TYPE_CONVERT"}),
        ({"title": 7}, {}),
        ({"title": "t", "color": 0}, {}),
        ({"title": "t", "color": 0xFFFFFF}, {}),
        ({"title": "t", "color": 0x1000000}, {"0.color": "NUMBER_TYPE_MAX"}),
        ({"title": "t", "color": -1}, {"0.color": "NUMBER_TYPE_MIN"}),
        ({"title": "t", "color": "red"}, {"0.color": "NUMBER_TYPE_COERCE"}),
        ({"title": "t", "color": True}, {"0.color": "NUMBER_TYPE_COERCE"}),
        ({"title": "t", "timestamp": "2026-11-23T18:20:11+00:00"}, {}),
        ({"title": "t", "timestamp": "yesterday"}, {"0.timestamp": "DATE_TIME_TYPE_PARSE"}),
        ({"title": "t", "url": "https://a.b/" + "x" * 2036}, {}),
        ({"title": "t", "url": "https://a.b/" + "x" * 2037}, {"0.url": "BASE_TYPE_MAX_LENGTH"}),
        ({"title": "t", "url": "javascript:alert(1)"}, {"0.url": "URL_TYPE_INVALID_SCHEME"}),
        ({"title": "t", "url": "a.b/c"}, {"0.url": "URL_TYPE_INVALID_URL"}),
        ({"title": "t", "url": "https://"}, {"0.url": "URL_TYPE_INVALID_URL"}),
        ({"title": "t", "url": "https://a b/"}, {"0.url": "URL_TYPE_INVALID_URL"}),
        ({"title": "t", "url": "https://[/"}, {"0.url": "URL_TYPE_INVALID_URL"}),
        (
            {"title": "t", "author": {"name": "a", "icon_url": "ftp://a.b/"}},
            {"0.author.icon_url": "URL_TYPE_INVALID_SCHEME"},
        ),
        ("x", {"0": "MODEL_TYPE_CONVERT"}),
    ],
)
def test_what_discord_refuses_of_an_embed_is_named_with_its_place(embed, expected):
    assert errors([embed]) == expected


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"content": "x" * 2000}, None),
        ({"content": "x" * 2001}, {"content": "BASE_TYPE_MAX_LENGTH"}),
        ({"content": "x", "username": "x" * 80}, None),
        ({"content": "x", "username": "x" * 81}, {"username": "BASE_TYPE_MAX_LENGTH"}),
        ({"content": "x", "username": " "}, {"username": "BASE_TYPE_BAD_LENGTH"}),
        ({"content": "x", "username": "My Discord"}, {"username": "USERNAME_INVALID_CONTAINS"}),
        ({"content": "x", "allowed_mentions": {"parse": []}}, None),
        ({"content": "x", "allowed_mentions": {"parse": ["all"]}}, {"allowed_mentions.parse.0": "BASE_TYPE_CHOICES"}),
        ({"content": "x", "allowed_mentions": {"roles": ["1"] * 100}}, None),
        (
            {"content": "x", "allowed_mentions": {"roles": ["1"] * 101}},
            {"allowed_mentions.roles": "BASE_TYPE_MAX_LENGTH"},
        ),
        (
            {"content": "x", "allowed_mentions": {"parse": ["users"], "users": ["1"]}},
            {"allowed_mentions": "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"},
        ),
        ({"content": "x", "flags": 1 << 2 | 1 << 12}, None),
        ({"content": "x", "flags": 1}, {"flags": "BITFIELD_TYPE_INVALID"}),
        ({"content": "x", "flags": 1 << 15}, {"content": "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"}),
        ({"content": "x", "embeds": {}}, {"embeds": "LIST_TYPE_CONVERT"}),
        ([], {"": "MODEL_TYPE_CONVERT"}),
    ],
)
def test_what_discord_refuses_of_a_message_is_named_with_its_place(payload, expected):
    refused = refusal(payload)
    assert (refused if refused is None else _flat(refused["errors"])) == expected


@pytest.mark.parametrize("payload", [{}, {"content": " "}, {"embeds": []}, {"embeds": [{}]}, {"content": None}])
def test_a_message_that_shows_nothing_is_refused(payload):
    assert refusal(payload) == EMPTY


@given(st.lists(notices, min_size=1, max_size=12), st.integers(1, 40))
def test_what_the_notifier_composes_is_never_refused(some, waiting):
    assert refusal(compose(some, waiting).payload) is None
