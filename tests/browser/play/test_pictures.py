"""The film and the pictures of `make play` can be taken anew, on servers of their own."""

import pytest
from PIL import Image

from launch.play_pictures import LANGUAGES, VIEWS, draw

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.browser,
    pytest.mark.nightly,
    # A start of the whole sandbox, a game that the member has to win, and some forty frames.
    pytest.mark.timeout(600),
]


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda one: one.code)
async def test_the_pictures_are_taken(tmp_path, language):
    await draw(tmp_path, [language])

    for view in VIEWS:
        with Image.open(tmp_path / f"{view.name}.{language.code}.webp") as picture:
            assert picture.size == (view.width * view.scale, view.height * view.scale)
            # Each step of the story is a frame; frames that look alike are one.
            assert (getattr(picture, "n_frames", 1) > 10) == view.is_film
