"""Finding out by trying what a credential may do at the dependency proxy."""

from dataclasses import dataclass

from gitlab import Gitlab

from .dependency_proxy import DependencyProxy
from .http_calls import Answer, claims
from .proxy_calls import (
    ALL,
    Image,
    Repository,
    digest_of,
    insufficient,
    mint,
)
from .token_server import TokenServer

TEAM = "table/above/team"
NEEDS = {"pull": "pull", "push": "pull,push", "delete": "delete"}


@dataclass(frozen=True, slots=True)
class Table:
    """Finds out by trying what a credential may do with one image, which is cached, and to which an image was pushed."""

    server: TokenServer
    proxy: DependencyProxy
    administrator: Gitlab
    name: str
    cached: Image
    pushed: Image

    def allowed(self, credentials: tuple[str, str] | None) -> str | None:
        """Give the actions that succeed, after checking that token and gate agree on them; None for a refused log-in."""
        answer = mint(self.server, f"repository:{self.name}:{ALL}", credentials=credentials)
        if answer.status == 403:
            assert answer.refusal()[1] == "DENIED"
            return None
        jwt = str(answer.granted()["token"])
        repository = Repository(self.proxy.host, self.name, jwt)
        succeeded = ",".join(action for action, made in self._attempts(repository).items() if _succeeds(made, self.name, action))
        granted = {entry["name"]: ",".join(entry["actions"]) for entry in claims(jwt)["access"]}
        assert granted == ({self.name: succeeded} if succeeded else {})
        return succeeded

    def refusal(self, credentials: tuple[str, str]) -> str:
        """Give the sentence of a refused log-in; the login probe and the request for an image have to be refused alike."""
        refused = {mint(self.server, *asked, credentials=credentials).refusal() for asked in ((), (f"repository:{self.name}:pull",))}
        ((status, code, message),) = refused
        assert (status, code) == (403, "DENIED")
        return message

    def _attempts(self, repository: Repository) -> dict[str, list[Answer]]:
        # The right to push comes before the right to delete, which takes the manifest away again.
        manifest, layer = repository.ask("GET", "manifests/1"), repository.ask("GET", f"blobs/{digest_of(self.cached.layer)}")
        begun = repository.begin_upload()
        put = repository.put_manifest("pushed", self.pushed.manifest)
        deleted = repository.ask("DELETE", f"manifests/{self.pushed.digest}")
        if manifest.status == 200:
            assert (manifest.body, layer.body) == (self.cached.manifest, self.cached.layer)
        return {"pull": [manifest, layer], "push": [begun, put], "delete": [deleted]}


def _succeeds(made: list[Answer], name: str, action: str) -> bool:
    if [answer.status for answer in made] == {"pull": [200, 200], "push": [202, 201], "delete": [202]}[action]:
        return True
    assert {insufficient(answer) for answer in made} == {f"repository:{name}:{NEEDS[action]}"}
    return False
