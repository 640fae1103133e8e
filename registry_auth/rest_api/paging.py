"""The headers of a page (GitLab docs: REST API, offset-based pagination). Clients follow `Link`, people read the others."""

from collections.abc import Iterable, Mapping
from urllib.parse import urlencode

from registry_auth.rest_api.parameters import PageParameters, Parameters


def page_headers(address: str, query: Iterable[tuple[str, str]], given: Parameters, total: int) -> Mapping[str, str]:
    """Give the headers of one page; `address` is that of the list, `query` what it was asked with."""
    if not isinstance(given, PageParameters):
        raise TypeError("This operation takes no page.")
    number, size = given.paging.number, given.paging.size
    last = max(1, -(-total // size))
    # Nothing that is not read: a secret that was put into the address must not come back in an answer.
    kept = [(name, value) for name, value in query if name in type(given).model_fields.keys() - {"page", "per_page"}]

    def link(relation: str, page: int) -> str:
        return f'<{address}?{urlencode([*kept, ("page", page), ("per_page", size)])}>; rel="{relation}"'

    previous = number - 1 if 1 < number <= last + 1 else None
    following = number + 1 if number < last else None
    links = [link("prev", previous)] if previous else []
    links += [link("next", following)] if following else []
    return {
        "Link": ", ".join([*links, link("first", 1), link("last", last)]),
        "X-Page": str(number),
        "X-Per-Page": str(size),
        "X-Prev-Page": str(previous or ""),
        "X-Next-Page": str(following or ""),
        "X-Total": str(total),
        "X-Total-Pages": str(last),
    }
