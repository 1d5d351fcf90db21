import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from messages_samples import forgeries, nasty_names, units

from notifier.messages import isk
from notifier.messages.escape import escape, length, plain, shorten


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Jita", "Jita"),
        ("J1-ABC", "J1-ABC"),
        ("Miners Inc.", "Miners Inc."),
        ("x_X_x", "x\\_X\\_x"),
        ("**bold**", "\\*\\*bold\\*\\*"),
        ("@everyone", "@\u200beveryone"),
        ("<@&1>", "\\<@\u200b&1\\>"),
        ("[a](https://b)", "［a］(https\\://b)"),
        ("- item", "\\- item"),
        ("12. item", "12\\. item"),
        ("# Title", "\\# Title"),
        ("a\nb\t c", "a b c"),
        ("\u202eevil", "evil"),
        ("a\x00b", "ab"),
        ("  ", ""),
        ("\u3164\u2800\u115f", ""),
        ("\u0301\ufe0f \u034f", ""),
        ("Ünïcode 名前", "Ünïcode 名前"),
    ],
)
def test_a_name_keeps_its_letters_and_loses_its_power(name: str, shown: str) -> None:
    assert escape(name, 50) == shown


@given(nasty_names, st.integers(1, 60))
def test_no_name_forges_a_link_a_mention_or_markup(name: str, limit: int) -> None:
    text = escape(name, limit)
    assert forgeries(text) == []
    assert units(text) <= 2 * limit + 1
    assert forgeries(f"[{text}](https://zkillboard.com/kill/1/)") == []


def test_the_check_for_forgeries_can_fail() -> None:
    for forged in (
        "[a](https://evil.example)",
        "@everyone",
        "<@1>",
        "**x",
        "[a\\](https\\://evil) \\[b](https://zkillboard.com/x/1/)",
    ):
        assert forgeries(forged)


@given(st.text(), st.integers(-3, 40))
@example("𒐫" * 9, 5)
def test_a_shortened_text_never_exceeds_its_limit_and_says_that_it_was_cut(text: str, limit: int) -> None:
    short = shorten(text, limit)
    assert units(short) <= max(limit, 0)
    assert short == text or short.endswith("…") or limit <= 0
    assert length(short) == units(short)


@given(nasty_names)
def test_plain_text_is_one_line_without_invisible_characters(name: str) -> None:
    text = plain(name, 60)
    assert text == text.strip()
    assert not {unicodedata.category(char) for char in text} & {"Cc", "Cf", "Cs", "Zl", "Zp"}


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (-5, "0"),
        (float("nan"), "0"),
        (float("inf"), "0"),
        (0.01, "0.01"),
        (7, "7"),
        (999, "999"),
        (999.6, "1k"),
        (1_000, "1k"),
        (10_000, "10k"),
        (999_400, "999k"),
        (999_600, "1m"),
        (12_345_678, "12.3m"),
        (1.25e9, "1.25b"),
        (1.2e9, "1.2b"),
        (9.996e9, "10b"),
        (99.96e9, "100b"),
        (192e9, "192b"),
        (3.4e12, "3.4t"),
        (1e300, "over 999t"),
    ],
)
def test_isk_is_written_as_players_write_it(value: float, shown: str) -> None:
    assert isk.short(value) == shown


@given(st.floats())
def test_an_amount_is_never_longer_than_nine_characters(value: float) -> None:
    assert len(isk.short(value)) <= 9
