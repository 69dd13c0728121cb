"""twinstream.toml as a file: its encoding, its form, and its lines."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from config import Community, ConfigError
from config.community_file.places import line_of

ROOT = Path(__file__).parents[3]
GOOD = (
    "[telegram]\nchat_id = -1001\n[discord]\nguild_id = 9001\n"
    '[[ranks]]\nname = "Новичок"\nxp = 10\n'
)


def refusal(tmp_path: Path, content: bytes) -> str:
    file = tmp_path / "twinstream.toml"
    file.write_bytes(content)
    with pytest.raises(ConfigError) as error:
        Community.from_toml(file)
    return str(error.value)


@pytest.mark.parametrize("content", [GOOD.encode("utf-8-sig"), GOOD.replace("\n", "\r\n").encode()])
def test_a_byte_order_mark_and_windows_lines_are_read(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "twinstream.toml"
    file.write_bytes(content)

    assert Community.from_toml(file).ranks[0].name == "Новичок"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (GOOD.encode("cp1251"), "line 6: the file is not saved as UTF-8: save it as UTF-8"),
        (GOOD.encode("utf-16"), "is saved as UTF-16: save it as UTF-8"),
        (b"", "says nothing: copy twinstream.example.toml to it"),
        (b"# later\n\n", "says nothing: copy twinstream.example.toml to it"),
        (
            GOOD.replace("[[ranks]]", "[ranks]").encode(),
            "line 5: ranks must be a list: write [[ranks]] with two brackets",
        ),
        (
            (GOOD + '[ranks]\nname = "B"\n').encode(),
            "line 8: write [[ranks]] with two brackets above each of the ranks, in the line:",
        ),
        (
            GOOD.replace('"Новичок"', "“Новичок”").encode(),
            'line 6: write straight quotes, "like this", not “, in the line: name = “Новичок”',
        ),
        (
            (GOOD + "[game]\npause_s\n").encode(),
            "line 9: this cannot be read as TOML (expected '=' after a key in a key/value pair)",
        ),
        (b"a = " + b"[" * 20_000, "its brackets are nested too deeply"),
        (b"a = " + b"1" * 5_000, "the number is too long"),
        (b'x = "' + b"y" * 500, f'in the line: x = "{"y" * 75}...'),
    ],
)
def test_a_file_that_cannot_be_read_says_what_to_do(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    assert sentence in refusal(tmp_path, content)


def test_a_folder_in_the_place_of_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: Is a directory"):
        Community.from_toml(tmp_path)


def test_a_file_that_our_user_may_not_read_says_how_to_let_it() -> None:
    """Under a strict umask the file is its owner's alone, and a container has another user."""
    reading = (
        "import os, sys; from pathlib import Path; from config import Community, ConfigError\n"
        "os.geteuid() or os.setuid(65534)\n"
        "try: Community.from_toml(Path(sys.argv[1]))\n"
        "except ConfigError as error: print(error)"
    )
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        file = Path(name, "twinstream.toml")
        file.write_text(GOOD, encoding="utf-8")
        file.chmod(0o600 if os.geteuid() == 0 else 0)
        told = subprocess.run(
            [sys.executable, "-c", reading, str(file)],
            cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
        ).stdout  # fmt: skip

    assert "may not be read by user id" in told
    assert "chmod a+r twinstream.toml" in told


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("a",), 2),
        (("telegram", "chat_id"), 4),
        (("telegram", "no_such_key"), 3),
        (("ranks",), 5),
        (("ranks", 0, "xp"), 6),
        (("ranks", 1, "xp"), 11),
        (("ranks", 1, "no_such_key"), 7),
        (("stores", "telegram", "options", "deep"), 15),
        (("nothing",), None),
    ],
)
def test_a_setting_is_found_by_its_line(place: tuple[str | int, ...], line: int | None) -> None:
    text = (
        "# a comment\na = 1\n[telegram]\nchat_id = -1\n"
        "[[ranks]]\nxp = 1\n"
        '[[ranks]]\nname = """\n[[ranks]]\n"""\nxp = [\n  1,\n]\n'
        "[stores.telegram]\noptions = { deep = 1 }\n"
    )

    assert line_of(text, place) == line
