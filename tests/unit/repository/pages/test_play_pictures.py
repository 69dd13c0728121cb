"""The pictures of `make play` are there, small, and shown with a text that stands for them."""

import re
from pathlib import Path

import pytest
from PIL import Image

from launch.play_pictures import LANGUAGES, VIEWS

ROOT = Path(__file__).parents[4]
FOLDER = ROOT / "docs" / "pictures"
CODES = [language.code for language in LANGUAGES]
FILMS = [view for view in VIEWS if view.is_film]
STILLS = [view for view in VIEWS if not view.is_film]
#: Bytes of a film, and of all pictures of the page together.
FILM_BYTES_MAX, ALL_BYTES_MAX = 1_500_000, 2_500_000
#: Milliseconds within which a film is over: long enough to read it, short enough to wait for.
FILM_MS_MIN, FILM_MS_MAX = 6_000, 12_000
#: Characters of an alternative text that says more than a name.
ALT_CHARACTERS_MIN = 20
SUFFIX = {"en": "", "ru": "ru/"}


def file_of(view, code: str) -> Path:
    return FOLDER / f"{view.name}.{code}.webp"


def test_the_folder_has_these_pictures_and_no_older_ones():
    wanted = {file_of(view, code).name for view in VIEWS for code in CODES}

    assert {one.name for one in FOLDER.glob("play-*")} == wanted
    assert sum(one.stat().st_size for one in FOLDER.glob("play-*")) < ALL_BYTES_MAX


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
def test_a_picture_is_as_large_as_its_window(view, code):
    with Image.open(file_of(view, code)) as picture:
        assert picture.size == (view.width * view.scale, view.height * view.scale)
        assert (getattr(picture, "n_frames", 1) > 1) == view.is_film


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("view", FILMS, ids=lambda view: view.name)
def test_a_film_is_short_and_goes_on_for_ever(view, code):
    file = file_of(view, code)
    lasts_ms = 0
    with Image.open(file) as film:
        assert film.info["loop"] == 0
        for number in range(getattr(film, "n_frames", 1)):
            film.seek(number)
            film.load()
            lasts_ms += film.info["duration"]

    assert FILM_MS_MIN <= lasts_ms <= FILM_MS_MAX
    assert file.stat().st_size < FILM_BYTES_MAX


@pytest.mark.parametrize(("page", "code"), [("README.md", "en"), ("README.ru.md", "ru")])
def test_the_readme_begins_with_the_film_in_the_reader_s_colours(page, code):
    text = (ROOT / page).read_text(encoding="utf-8")
    light, dark = FILMS

    [picture] = re.findall(r"<picture>(.*?)</picture>", text.partition("\n## ")[0], re.S)
    [alt] = re.findall(r'<img src="[^"]+" width="\d+" alt="([^"]+)">', picture)
    assert f'<img src="docs/pictures/{light.name}.{code}.webp"' in picture
    assert "(prefers-color-scheme: dark)" in picture
    assert f'srcset="docs/pictures/{dark.name}.{code}.webp"' in picture
    assert len(alt) >= ALT_CHARACTERS_MIN
    assert "make play " in text.partition("```sh\n")[2].partition("\n")[0]


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("view", STILLS, ids=lambda view: view.name)
def test_the_page_shows_each_picture_with_a_text_in_place_of_it(view, code):
    page = ROOT / "docs" / SUFFIX[code] / "play.md"
    shown = re.findall(r"!\[([^]]*)\]\(([^)]+)\)", page.read_text(encoding="utf-8"))

    [alt] = [alt for alt, aim in shown if (page.parent / aim).resolve() == file_of(view, code)]
    assert len(alt) >= ALT_CHARACTERS_MIN
