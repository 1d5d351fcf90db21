import pytest

from workers.scrub import scrub

SECRET = "aB3-_x" * 11 + "zz"


@pytest.mark.parametrize(
    "text",
    [
        f"POST https://discord.com/api/webhooks/123456789/{SECRET} failed",
        f"https://discord.com/api/v10/webhooks/123456789/{SECRET}?wait=true",
        f"HTTPS://DISCORD.COM/API/WEBHOOKS/123456789/{SECRET}",
        f"url='https://x/api/webhooks//123456789/{SECRET}'",
        f"/webhooks/123456789/{SECRET}/messages/1",
        f"https:\\/\\/discord.com\\/api\\/webhooks\\/123456789\\/{SECRET}",
        f"https%3A%2F%2Fdiscord.com%2Fapi%2Fwebhooks%2F123456789%2F{SECRET}",
    ],
)
def test_no_webhook_leaves(text):
    assert SECRET not in scrub(text)
    assert "123456789" not in scrub(text)


BOT = f"MTIzNDU2Nzg5MDEyMzQ1Njc4.GaBcDe.{SECRET[:38]}"


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bot {BOT}",
        f"{{'authorization': 'bot {BOT}'}}",
        f"Bot%20{BOT}",
        f"Bot {'s3cr3t' * 10}",
        f"the token {BOT} is wrong",
        f"(b'{BOT}',)",
    ],
)
def test_no_token_of_a_bot_leaves(text):
    found = scrub(text)
    assert SECRET[:20] not in found
    assert "s3cr3t" not in found
    assert "***" in found


def test_no_password_of_a_url_leaves():
    assert scrub("redis://user:pa:ss@host:6379/0") == "redis://***@host:6379/0"


def test_what_is_no_secret_stays():
    text = "kill 123 → intel: Discord answers 404, see https://zkillboard.com/kill/123/"
    assert scrub(text) == text
    text = "destinations.capital-losses-of-our-alliance.bot (file x): a bot of workers.discord_circuits.DiscordCircuits"
    assert scrub(text) == text
