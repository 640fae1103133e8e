"""Two groups that try everything on each other, for tests of what they share and what they do not."""

from dataclasses import dataclass

from gitlab import Gitlab

from .dependency_proxy import DependencyProxy
from .peers.stock_registry import StockRegistry
from .proxy_calls import (
    ALL,
    READ,
    WRITE,
    Image,
    Repository,
    deploy_token,
    digest_of,
    full_name,
    make_groups,
    make_image,
    signed,
)
from .token_server import Token, TokenServer

ABOVE = "attack/isolation"
A = f"{ABOVE}/a"
B = f"{ABOVE}/b"
BELOW_A = f"{A}/below"
SWITCHED = f"{ABOVE}/switched"


@dataclass(frozen=True, slots=True)
class Scene:
    """The groups A and B, each with a token that writes there and one that reads, and the group above both. `name` is new in each test."""

    server: TokenServer
    proxy: DependencyProxy
    upstream: StockRegistry
    writers: dict[str, Token]
    readers: dict[str, Token]
    name: str

    def repository(self, group: str, image: str | None = None, *, actions: str = ALL, token: Token | None = None) -> Repository:
        """Give an image of a group as the group's own writer sees it, or another token."""
        name = full_name(group, image or self.name)
        return Repository(self.proxy.host, name, signed(self.server, token or self.writers[group], name, actions=actions))

    def pushed(self, group: str, tag: str = "1") -> Image:
        """Push an image that nobody else has into the group."""
        return self.repository(group, actions="pull,push").push(make_image(f"{self.name} of {group} {tag}"), tag)

    def published(self, tag: str) -> Image:
        """Publish an image at the upstream, whence it gets into the cache when it is pulled."""
        return Repository(self.upstream.host, f"library/{self.name}").push(make_image(f"{self.name} upstream {tag}"), tag)

    def unpublish(self, image: Image) -> None:
        """Delete an image at the upstream."""
        assert Repository(self.upstream.host, f"library/{self.name}").status("DELETE", f"manifests/{image.digest}") == 202

    def fetched(self, tag: str) -> int:
        """Count how often the upstream gave out the manifest of a tag."""
        return self.upstream.log().count(f'"GET /v2/library/{self.name}/manifests/{tag} HTTP')


def make_tokens(administrator: Gitlab) -> tuple[dict[str, Token], dict[str, Token]]:
    """Make the groups unless they are there, and for each a token that writes and one that reads."""
    groups = (ABOVE, A, B, BELOW_A, SWITCHED)
    make_groups(administrator, "attack", *groups)
    writers, readers = ({group: deploy_token(administrator, scopes, group=group) for group in groups} for scopes in (WRITE, READ))
    return writers, readers


def has(repository: Repository, content: bytes) -> bool:
    """Say whether a blob is there, asking for it as who pushes and as who pulls."""
    place = f"blobs/{digest_of(content)}"
    (status,) = set(repository.statuses("HEAD", [place]) + repository.statuses("GET", [place]))
    return {200: True, 404: False}[status]
