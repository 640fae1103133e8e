"""The page `/api/docs`: complete, made of nothing but itself, and with nothing in it that could run."""

import base64
import hashlib
from html.parser import HTMLParser
from typing import Any

import pytest

from registry_auth.application import create_app
from registry_auth.rest_api.documentation import documentation_html
from registry_auth.settings import Settings
from tests.unit.installation import Installation
from tests.unit.rest_api.world import World

pytestmark = pytest.mark.one_store("requests are refused or described before anything is looked up")

VOID = {"meta", "link", "br", "img", "input", "hr"}
EVIL = "</style><script>alert('x')</script>\"'><img src=//evil.example onerror=x>&amp;{{ 7*7 }}"


class Page(HTMLParser):
    """Reads a page: its elements with attributes, its text, its style, and whether each element is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = self.style = ""
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Check that elements end in order."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note text, and style apart."""
        if self.open[-1:] == ["style"]:
            self.style += data
        else:
            self.text += data


@pytest.fixture
def page(world: World) -> Page:
    """Read the page as anybody gets it."""
    return Page(world.client.get("/api/docs").text)


def test_page_is_html_for_anybody(world: World) -> None:
    """The page needs no log-in, and forbids the browser everything but its own style."""
    response = world.client.get("/api/docs", headers=world.headers["wrong token"])
    assert (response.status_code, response.content_type) == (200, "text/html; charset=utf-8")
    assert (response.headers["X-Content-Type-Options"], response.headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    style = Page(response.text).style
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = dict(directive.split(maxsplit=1) for directive in response.headers["Content-Security-Policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "style-src": f"'sha256-{digest}'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_page_needs_nothing_from_anywhere(page: Page) -> None:
    """There is no script, no form, no handler, no style in attributes, and no address but the page's own and the description's."""
    tags = {tag for tag, _ in page.elements}
    assert tags.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "form", "input", "base", "svg", "video", "audio"})
    attributes = {name: value for _, attributes in page.elements for name, value in attributes.items()}
    assert attributes.keys() <= {"lang", "charset", "name", "content", "class", "id", "href", "aria-label", "scope"}
    addresses = {attributes["href"] for tag, attributes in page.elements if tag == "a"}
    assert {address for address in addresses if not str(address).startswith("#")} == {"/api/v4/openapi.json"}
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {address for address in addresses if str(address).startswith("#")} <= {f"#{id_}" for id_ in ids}
    assert not [word for word in ("url(", "@import", "expression", "//") if word in page.style]
    assert page.open == []


def test_every_operation_and_object_is_shown(world: World, page: Page) -> None:
    """Each operation is a section with its summary, who may call it, its parameters and its statuses; each object and word has one too."""
    document: dict[str, Any] = world.client.get("/api/v4/openapi.json").get_json()
    sections = {attributes["id"] for tag, attributes in page.elements if tag == "section"}
    described = [(path, operation) for path, methods in document["paths"].items() for operation in methods.values()]
    schemas = document["components"]["schemas"]
    assert sections == {operation["operationId"] for _, operation in described} | set(schemas)
    assert all(word in page.text for schema in schemas.values() for word in schema.get("enum", ()))
    for path, operation in described:
        assert path in page.text
        assert operation["summary"] in page.text
        assert operation["description"].replace("`", "") in page.text  # words between backticks are elements of their own
        assert all(parameter["name"] in page.text for parameter in operation["parameters"])
    assert "registry-auth" in page.text
    assert "None" not in page.text


def _evil(value: Any, *, key: str = "") -> Any:
    """Put markup into each text that is shown, and leave what the document is made of."""
    if isinstance(value, dict):
        return {name: _evil(member, key=name) for name, member in value.items()}
    if isinstance(value, list):
        return [_evil(member, key=key) for member in value]
    return EVIL if isinstance(value, str) and key in {"title", "description", "summary", "url", "version", "enum", "tags"} else value


def test_text_is_escaped(installation: Installation) -> None:
    """Whatever the description holds is shown as text."""
    app = installation.app
    document = app.test_client().get("/api/v4/openapi.json").get_json()
    with app.test_request_context("/api/docs"), app.app_context():
        app.preprocess_request()
        html = documentation_html(_evil(document))
    page = Page(html)
    assert "<script" not in html
    assert {"script", "img"}.isdisjoint({tag for tag, _ in page.elements})
    assert EVIL in page.text
    assert "49" not in page.text


def test_address_of_the_server_is_shown_as_text(installation: Installation) -> None:
    """The example has the address that the server is known by, not what a request names."""
    settings = installation.settings.model_copy(update={"external_url": "https://auth.example.com"})
    assert isinstance(settings, Settings)
    app = create_app(settings)
    text = Page(app.test_client().get("/api/docs", base_url="https://evil.example").text).text
    app.extensions["registry_auth"].close()
    assert "'https://auth.example.com/api/v4/projects/team%2Fapp/deploy_tokens'" in text
    assert "evil" not in text
