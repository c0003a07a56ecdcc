"""Who may what on the page, as it is written; and the mistakes in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.given import SOUND, load, mistakes
from watcher.config.web import WebSettings

TOKEN, OTHER = "a-long-enough-token", "another-long-enough-token"


def web(settings: str) -> str:
    return f"{SOUND}web: {{{settings}}}\n"


def loaded(folder: Path, settings: str) -> WebSettings:
    found = load(folder, web(settings)).web
    assert found is not None
    return found


def test_tokens_have_names_and_may_stand_in_files(tmp_path: Path) -> None:
    (tmp_path / "wall").write_text(f"{OTHER}\n")
    tokens = f"tokens: {{token: {{token: {TOKEN}, may: act}}, wall: {{token_file: wall}}}}"
    found = loaded(tmp_path, tokens)
    assert [(each.name, each.may, each.secret.get_secret_value()) for each in found.credentials] == [
        ("token", "act", TOKEN), ("wall", "view", OTHER),
    ]  # fmt: skip
    assert found.guarded
    for secret in (TOKEN, OTHER):
        assert secret not in repr(found)


def test_a_public_page_may_have_any_way_to_know_who_asks(tmp_path: Path) -> None:
    public = 'listen: "0.0.0.0:8787"'
    assert loaded(tmp_path, f"{public}, tokens: {{a: {{token: {TOKEN}}}}}").guarded
    sign_on = "sign_on: {header: Remote-User, act: [ada]}, proxies: [10.0.0.5]"
    found = loaded(tmp_path, f"{public}, {sign_on}")
    assert found.guarded
    assert found.link_secret == ""
    assert found.sign_on is not None
    assert (found.sign_on.may, found.sign_on.act) == ("view", ("ada",))


def test_links_are_never_signed_with_a_token_of_a_name(tmp_path: Path) -> None:
    found = loaded(tmp_path, f"url: https://w.example, tokens: {{a: {{token: {TOKEN}, may: act}}}}")
    assert found.link_secret == ""


@pytest.mark.parametrize(
    ("settings", "what", "remedy"),
    [
        ('listen: "0.0.0.0:8787", tokens: {a: {token: q7-zz-81}}', "has only 8 characters", "at least 16"),
        (f"token: {TOKEN}, tokens: {{a: {{token: {TOKEN}}}}}", "is the same as token", "make one"),
        (
            f"tokens: {{a: {{token: {TOKEN}}}, b: {{token: {TOKEN}}}}}",
            "is the same as tokens.a.token", "make one",
        ),
        ('tokens: {a: {token: ""}}', "is empty", "make one"),
        ("tokens: {a: {}}", "'token' is missing in web.tokens.a", "token_file"),
        (f"tokens: {{a: {{token: {TOKEN}, may: everything}}}}", "is not one of view, act", ""),
        (f"tokens: {{a: {{token: {TOKEN}, can: act}}}}", "unknown key 'can' in web.tokens.a", ""),
        ("sign_on: {header: Remote-User}", "is believed of no one", "add 'proxies:"),
        ("sign_on: {header: X-Forwarded-For}, proxies: [10.0.0.5]", "something else", "X-Forwarded-User"),
        ('sign_on: {header: "Remote User"}, proxies: [10.0.0.5]', "the name of a header", "X-Forwarded-User"),
        ("sign_on: {may: act}, proxies: [10.0.0.5]", "'header' is missing in web.sign_on", "add 'header"),
        (
            "sign_on: {header: Remote-User, may: act, act: [ada]}, proxies: [10.0.0.5]",
            "'may: act' lets everybody", "remove one",
        ),
        (
            'sign_on: {header: Remote-User, act: ["*"]}, proxies: [10.0.0.5]',
            "'*' is nobody", "write 'may: act'",
        ),
        (f"tokens: {{a: {{token: {TOKEN}, may: [view]}}}}", "must be one of view, act", ""),
        (f"tokens: {{a: {TOKEN}}}", "must be a mapping", "known here: may, token"),
        ("sign_on: X-User, proxies: [10.0.0.5]", "must be a mapping", "known here: act, header, may"),
        (f'tokens: {{"a\\nb": {{token: {TOKEN}}}}}', "web.tokens.a", ""),
        (f"token: {TOKEN}, proxies: 10.0.0.5", "must be a list", "write [10.0.0.5]"),
        (f"token: {TOKEN}, proxies: [nginx]", "'nginx' is no IP address", "[127.0.0.1]"),
        (f"token: {TOKEN}, proxies: [10.0.0.0/8]", "'10.0.0.0/8' is no IP address", "networks are not"),
        (f'token: {TOKEN}, url: "https://a.example/w?x=1"', "at which people open", "begins with ?"),
        (f'token: {TOKEN}, url: "https://a.example/w#x"', "at which people open", "begins with #"),
        (f"token: {TOKEN}, url: a.example/w", "at which people open", "begin it with https://"),
        (f'token: {TOKEN}, url: "https://u:p@a.example"', "at which people open", "the password"),
        (f'token: {TOKEN}, url: "https://a.example/w/../x"', "at which people open", "as in https://"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_remedy(tmp_path: Path, settings: str, what: str, remedy: str) -> None:
    (problem,) = mistakes(tmp_path, web(settings))
    assert what in problem.what
    assert "\n" not in str(problem)
    assert remedy in problem.remedy
    assert problem.place.line == len(web("").splitlines())
    assert TOKEN not in str(problem)
    assert "q7-zz-81" not in str(problem)


def test_a_short_token_of_a_name_is_told_where_only_this_machine_can_try_it(tmp_path: Path) -> None:
    warnings = [each.what for each in load(tmp_path, web("tokens: {wall: {token: short}}")).warnings]
    assert "'tokens.wall.token' has only 5 characters, and can be guessed" in warnings
