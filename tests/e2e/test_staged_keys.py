"""Keys that registries have to be given first: published, read by the registries at their restart, activated, forgotten a day later."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from registry_auth.values import TokenHeader

from .key_changes import BUNDLE, JWKS, REPOSITORY, Change, Site
from .peers.availability import require
from .peers.containers_tools import Skopeo
from .peers.processes import wait_until
from .peers.stock_registry import REGISTRIES, StockRegistry
from .registry_calls import challenge, list_tags
from .secret_search import check_nothing_secret
from .signing_keys import TAKEN_UP_WITHIN, key_id, let_pass

_2_8_2, _3_0_0, _3_1_1 = REGISTRIES

CHANGES = {
    "rotate-libtrust-kid": Change(TokenHeader.LIBTRUST_KID, ["rotate"], {_2_8_2: BUNDLE, _3_0_0: JWKS, _3_1_1: JWKS}),
    "rotate-rfc7638-kid": Change(TokenHeader.RFC7638_KID, ["rotate"], {_3_0_0: JWKS, _3_1_1: BUNDLE}),
    "replace-ca": Change(TokenHeader.X5C, ["rotate", "--ca"], dict.fromkeys(REGISTRIES, BUNDLE)),
    "import-libtrust-kid": Change(TokenHeader.LIBTRUST_KID, None, {_2_8_2: BUNDLE, _3_0_0: JWKS, _3_1_1: JWKS}),
    "import-x5c": Change(TokenHeader.X5C, None, dict.fromkeys(REGISTRIES, BUNDLE)),
}

# An imported key takes the place of one under the CA, which stays in the bundle.
FORGOTTEN = [name for name in CHANGES if name != "import-x5c"]


@pytest.fixture(scope="module")
def sites(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Site]]:
    """Make each change at a site of its own; all of them take each step together, so that they wait for their workers at once."""
    require(*(line.peer for line in REGISTRIES))
    with ExitStack() as stack:
        sites = {name: Site(change, tmp_path_factory.mktemp("site")) for name, change in CHANGES.items()}
        for site in sites.values():
            site.server.begin()
            stack.callback(site.server.stop)
        for site in sites.values():
            site.start(stack)
        for site in sites.values():
            site.publish()
        for site in sites.values():
            wait_until(site.is_published, "the next key at every worker", timeout=TAKEN_UP_WITHIN)
        for site in sites.values():
            site.activate()
        for site in sites.values():
            wait_until(site.is_activated, "tokens of the next key", timeout=TAKEN_UP_WITHIN)
            for registry in site.late:
                stack.enter_context(registry)
        yield sites
    for site in sites.values():
        check_nothing_secret(site.server)


@pytest.fixture(params=CHANGES)
def site(request: pytest.FixtureRequest, sites: Mapping[str, Site]) -> Site:
    """Give the site of each change."""
    return sites[request.param]


def test_a_published_key_does_not_sign(site: Site) -> None:
    """Until it is activated, every worker signs with the key of before, and whoever published the next one was told what to do."""
    assert {key_id(jwt) for jwt in site.meanwhile} == {key_id(jwt) for jwt in site.before}
    assert {key_id(jwt) for jwt in site.after}.isdisjoint(key_id(jwt) for jwt in site.before)
    assert "Restart the registries with" in site.told_to_restart or "restart the registries with" in site.told_to_restart
    assert "`registry-auth keys activate`" in site.told_to_restart


def test_a_registry_that_was_restarted_notices_nothing(site: Site) -> None:
    """It accepts the tokens of before and of after the activation; so does one that starts later."""
    for registry in (*site.restarted, *site.late):
        assert [list_tags(registry, REPOSITORY, jwt).status for jwt in (*site.before, *site.after)] == [404] * 4


def test_a_registry_that_was_not_restarted_refuses_the_new_key(site: Site) -> None:
    """It goes on accepting tokens of the key that it was given, and no others."""
    for registry in site.left:
        assert [list_tags(registry, REPOSITORY, jwt).status for jwt in site.before] == [404] * 2
        for jwt in site.after:
            assert challenge(list_tags(registry, REPOSITORY, jwt))["error"] == "invalid_token"


def test_a_real_client_pushes_and_pulls(site: Site, skopeo: Skopeo, layout: Path, name: str, tmp_path: Path) -> None:
    """With tokens of the activated key skopeo logs in, stores an image and fetches it."""
    for registry in site.restarted:
        image = f"docker://{registry.host}/{REPOSITORY}-{name}:1"
        skopeo.login(registry.host, *site.token.credentials).check()
        skopeo.copy(f"oci:{layout}:latest", image).check()
        skopeo.copy(image, f"dir:{tmp_path}/pulled").check()


@pytest.fixture(scope="module")
def a_day_later(sites: Mapping[str, Site]) -> Iterator[Mapping[str, Sequence[StockRegistry]]]:
    """Let a day pass at all sites, and start registries with what is published then."""
    for site in sites.values():
        let_pass(timedelta(hours=26), site.server.keys)
    for site in sites.values():
        wait_until(site.is_forgotten, "the end of the former keys", timeout=TAKEN_UP_WITHIN)
    with ExitStack() as stack:
        yield {name: [stack.enter_context(each) for each in site.new_registries("later")] for name, site in sites.items()}


@pytest.mark.parametrize("name", CHANGES)
def test_a_day_later_only_the_new_key_is_published(
    sites: Mapping[str, Site], a_day_later: Mapping[str, Sequence[StockRegistry]], name: str
) -> None:
    """Registries that start then accept the new key, and refuse tokens of a key, or of a CA, that was replaced."""
    site = sites[name]
    for registry in a_day_later[name]:
        assert [list_tags(registry, REPOSITORY, jwt).status for jwt in site.after] == [404] * 2
        assert [list_tags(registry, REPOSITORY, jwt).status for jwt in site.before] == [401 if name in FORGOTTEN else 404] * 2
