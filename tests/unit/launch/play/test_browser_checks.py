"""Other pages of the browser, and programs without the token, are refused."""

import pytest

from launch.play.browser_checks import TOKEN_HEADER, refusal

HOST, TOKEN = "127.0.0.1:8090", "the token"
OWN = {"Host": HOST, TOKEN_HEADER: TOKEN}


def refused(headers: dict[str, str], *, public: bool = False) -> bool:
    return refusal(headers, host=HOST, token=TOKEN, public=public) is not None


@pytest.mark.parametrize(
    "headers",
    [OWN, OWN | {"Origin": f"http://{HOST}", "Sec-Fetch-Site": "same-origin"}],
)
def test_the_page_and_a_program_with_the_token_may_go_on(headers: dict[str, str]) -> None:
    assert not refused(headers)


@pytest.mark.parametrize(
    "host",
    [
        *("localhost:8090", "127.0.0.1", "127.0.0.1:80", "[::1]:8090", "127.1:8090", ""),
        *("evil.example", "127.0.0.1:8090.evil.example", "127.0.0.1:8090@evil.example"),
    ],
)
@pytest.mark.parametrize("public", [False, True])
def test_any_other_host_is_refused(host: str, public: bool) -> None:
    assert refused(OWN | {"Host": host}, public=public)


def test_a_request_without_a_host_is_refused() -> None:
    assert refused({TOKEN_HEADER: TOKEN}, public=True)


@pytest.mark.parametrize(
    "origin",
    ["null", "", "http://127.0.0.1:1", "https://127.0.0.1:8090", "http://localhost:8090"],
)
@pytest.mark.parametrize("public", [False, True])
def test_any_other_origin_is_refused(origin: str, public: bool) -> None:
    assert refused(OWN | {"Origin": origin}, public=public)


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "anything"])
@pytest.mark.parametrize("public", [False, True])
def test_a_request_for_another_site_is_refused(site: str, public: bool) -> None:
    assert refused(OWN | {"Sec-Fetch-Site": site}, public=public)


@pytest.mark.parametrize(
    "token", [None, "", "the toke", "the token ", "THE TOKEN", "тoken", "\udcff\udcfe"]
)
def test_without_the_token_only_the_files_are_served(token: str | None) -> None:
    headers = {"Host": HOST} | ({} if token is None else {TOKEN_HEADER: token})

    assert refused(headers)
    assert not refused(headers, public=True)
