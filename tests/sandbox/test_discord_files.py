"""Files on the real discord.py: uploads in messages, answers and edits, and their limits."""

import asyncio
import base64
import io
import struct
from typing import Any

import aiohttp
import pytest

from sandbox import SandboxError
from sandbox.control.discord_routes import DiscordRoutes
from sandbox.discord_api import Upload
from tests.support.discord_sandbox import (
    ALICE,
    BOT_ROLE,
    FORUM,
    GENERAL,
    GUILD,
    TOKEN,
    Bot,
    connected,
    discord,
    listening,
    new_bench,
)
from tests.support.patience import PATIENCE_S

pytest_plugins = ["tests.support.discord_sandbox"]

PNG = b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 640, 480)
MIB = 1024 * 1024


def file(name: str = "notes.txt", content: bytes = b"hello", **about: Any) -> discord.File:
    return discord.File(io.BytesIO(content), filename=name, **about)


async def test_what_a_bot_uploads_can_be_fetched_by_its_address_and_by_the_control_interface(bench):
    async with connected(bench) as bot:
        sent = await bot.get_channel(GENERAL).send(
            "files", files=[file(description="Notes"), file("map.png", PNG)]
        )
        notes, picture = sent.attachments
        assert (notes.filename, notes.size, notes.description) == ("notes.txt", 5, "Notes")
        assert notes.content_type == "text/plain"
        assert (picture.width, picture.height) == (640, 480)
        async with aiohttp.ClientSession() as http, http.get(notes.url) as answer:
            assert (answer.content_type, await answer.read()) == ("text/plain", b"hello")
        routes = {route.path: route for route in DiscordRoutes(bench.platform).all()}
        read = routes["/discord/file"]
        kept = read.act(read.body(attachment_id=notes.id))
        assert base64.b64decode(kept["base64"]) == b"hello"
        again = await bot.get_channel(GENERAL).fetch_message(sent.id)
        assert [one.id for one in again.attachments] == [notes.id, picture.id]


async def test_an_edit_keeps_adds_and_removes_files(bench):
    async with connected(bench) as bot:
        sent = await bot.get_channel(GENERAL).send(files=[file("a.txt"), file("b.txt")])
        edited = await sent.edit(content="only the text")
        assert [one.filename for one in edited.attachments] == ["a.txt", "b.txt"]
        edited = await sent.edit(attachments=[sent.attachments[1], file("c.txt")])
        assert [one.filename for one in edited.attachments] == ["b.txt", "c.txt"]
        edited = await sent.edit(content="none", attachments=[])
        assert edited.attachments == []
        await sent.delete()
        async with aiohttp.ClientSession() as http, http.get(sent.attachments[0].url) as answer:
            assert answer.status == 404


async def test_an_embed_and_a_layout_show_a_file_of_their_message(bench):
    async with connected(bench) as bot:
        embed = discord.Embed(title="Map").set_image(url="attachment://map.png")
        sent = await bot.get_channel(GENERAL).send(embed=embed, file=file("map.png", PNG))
        assert sent.attachments == []
        assert await fetched(sent.embeds[0].image.url) == PNG
        view = discord.ui.LayoutView(timeout=None)
        gallery: Any = discord.ui.MediaGallery(discord.MediaGalleryItem("attachment://map.png"))
        view.add_item(discord.ui.Container(gallery, discord.ui.File("attachment://notes.txt")))
        sent = await bot.get_channel(GENERAL).send(view=view, files=[file("map.png", PNG), file()])
        container = sent.components[0]
        assert await fetched(container.children[0].items[0].media.url) == PNG
        assert await fetched(container.children[1].media.url) == b"hello"
        lost = discord.Embed(title="Map").set_image(url="attachment://lost.png")
        with pytest.raises(discord.HTTPException) as refused:
            await bot.get_channel(GENERAL).send(embed=lost)
        assert refused.value.code == 50035


async def fetched(url: str | None) -> bytes:
    assert url is not None
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        return await answer.read()


async def test_an_interaction_is_answered_followed_and_edited_with_files(bench):
    async with connected(bench) as bot:
        done = asyncio.get_running_loop().create_future()

        async def report(interaction: discord.Interaction) -> None:
            await interaction.response.send_message("here", file=file("one.txt"), ephemeral=True)
            first = await interaction.edit_original_response(attachments=[file("two.txt")])
            more = await interaction.followup.send(file=file("three.txt"), wait=True)
            done.set_result([one.filename for one in (*first.attachments, *more.attachments)])

        bot.tree.command(name="report", description="Reports")(report)
        await bot.tree.sync()
        bench.platform.slash(GENERAL, ALICE, "report")
        assert await asyncio.wait_for(done, PATIENCE_S) == ["two.txt", "three.txt"]


async def test_what_a_member_uploads_reaches_the_bot(bench):
    async with connected(bench) as bot:
        got = bot.wait_for("message", timeout=PATIENCE_S)
        bench.platform.people.say(GENERAL, ALICE, files=[Upload("my map.png", PNG)])
        message = await got
        assert message.attachments[0].filename == "my_map.png"
        assert await message.attachments[0].read() == PNG
        with pytest.raises(SandboxError, match="at most 10 files"):
            bench.platform.people.say(GENERAL, ALICE, files=[Upload("a.txt", b"")] * 11)
        post = await bot.get_channel(FORUM).create_thread(name="Maps", file=file("map.png", PNG))
        assert post.message.id == post.thread.id
        assert post.message.attachments[0].size == len(PNG)


async def test_files_have_the_limits_of_a_guild_without_boosts(bench):
    async with connected(bench) as bot:
        channel = bot.get_channel(GENERAL)
        with pytest.raises(discord.HTTPException) as large:
            await channel.send(file=file("large.bin", b"0" * (10 * MIB + 1)))
        assert (large.value.status, large.value.code) == (413, 40005)
        sent = await channel.send(files=[file(f"{number}.txt") for number in range(10)])
        with pytest.raises(discord.HTTPException) as many:
            await sent.edit(attachments=[*sent.attachments, file()])
        assert many.value.code == 50035
        assert "attachments" in str(many.value)
        bench.platform.administration.set_permissions(BOT_ROLE, "SEND_MESSAGES")
        bench.platform.administration.set_permissions(GUILD, "VIEW_CHANNEL", "SEND_MESSAGES")
        with pytest.raises(discord.Forbidden) as forbidden:
            await channel.send(file=file())
        assert forbidden.value.code == 50013


async def test_a_file_has_one_address_and_its_own_type(bench):
    page = b"<script>alert(1)</script>"
    bench.platform.people.say(GENERAL, ALICE, files=[Upload("page.txt", page)])
    (shown,) = bench.platform.world()["messages"][-1]["attachments"]
    url, own = shown["url"], f"/{GENERAL}/{shown['id']}/page.txt"
    assert url.endswith(own)
    async with aiohttp.ClientSession() as http:
        async with http.get(url) as answer:
            assert (answer.status, answer.content_type) == (200, "text/plain")
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for other in (
            f"/{GENERAL}/{shown['id']}/page.html",
            f"/{FORUM}/{shown['id']}/page.txt",
            f"/{GENERAL}/{'9' * 4400}/page.txt",
        ):
            async with http.get(url.removesuffix(own) + other) as answer:
                assert answer.status == 404
        bench.platform.administration.delete_channel(GENERAL)
        async with http.get(url) as answer:
            assert answer.status == 404


async def test_a_type_with_parameters_is_served_as_it_was_sent(bench):
    form = aiohttp.FormData()
    form.add_field("files[0]", b"hello", filename="a.txt", content_type="text/plain; charset=utf-8")
    async with aiohttp.ClientSession(headers={"Authorization": f"Bot {TOKEN}"}) as http:
        url = f"{bench.platform.api_base}/channels/{GENERAL}/messages"
        async with http.post(url, data=form) as answer:
            (kept,) = (await answer.json())["attachments"]
        async with http.get(kept["url"]) as answer:
            assert (answer.status, answer.headers["Content-Type"]) == (200, kept["content_type"])


async def test_files_outlive_a_restart_of_the_platform(bench):
    async with connected(bench) as bot:
        sent = await bot.get_channel(GENERAL).send(file=file())
    state = bench.platform.dump()
    async with listening(new_bench()) as other:
        other.platform.load(state)
        async with connected(other, Bot()) as bot:
            again = await bot.get_channel(GENERAL).fetch_message(sent.id)
            assert await fetched(again.attachments[0].url) == b"hello"


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"payload_json": '{"content": "x"}', "photo": b"1"}, "'photo'"),
        ({"payload_json": "{", "files[0]": b"1"}, "invalid JSON"),
        ({"payload_json": '{"attachments": [{"id": 3}]}', "files[0]": b"1"}, "Invalid Form Body"),
    ],
)
async def test_a_form_that_discord_does_not_understand_is_refused(bench, parts, said):
    form = aiohttp.FormData()
    for name, value in parts.items():
        form.add_field(name, value, filename=None if isinstance(value, str) else "f.txt")
    headers = {"Authorization": f"Bot {TOKEN}"}
    url = f"{bench.platform.api_base}/channels/{GENERAL}/messages"
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(url, data=form) as answer,
    ):
        assert answer.status == 400
        assert said in (await answer.json())["message"]


async def test_files_where_a_route_takes_none_are_refused(bench):
    form = aiohttp.FormData()
    form.add_field("files[0]", b"1", filename="f.txt")
    headers = {"Authorization": f"Bot {TOKEN}"}
    url = f"{bench.platform.api_base}/guilds/{GUILD}/roles"
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(url, data=form) as answer,
    ):
        assert (answer.status, "files with" in (await answer.json())["message"]) == (400, True)
