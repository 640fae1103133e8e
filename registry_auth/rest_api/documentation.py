"""`/api/docs`: the description as a page to read. It needs no script and no file from anywhere."""

import base64
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from flask import Response, render_template

_STYLE = files(__package__).joinpath("templates/documentation.css").read_text()
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class Field:
    """A parameter or a member of an object."""

    name: str
    kind: str
    needed: bool
    description: str


@dataclass(frozen=True, slots=True)
class Section:
    """One operation as it is shown."""

    id: str
    method: str
    path: str
    summary: str
    who: str
    fields: Sequence[Field]
    answer: str
    refusals: str


def documentation_html(document: Mapping[str, Any]) -> str:
    """Give the page that shows an OpenAPI document of this server."""
    sections: dict[str, list[Section]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            sections.setdefault(operation["tags"][0], []).append(_section(method, path, operation))
    return render_template(
        "documentation.html",
        document=document,
        sections=sections,
        objects=dict(_objects(document)),
        words=dict(_words(document)),
        style=_STYLE,
    )


def documentation_page(html: str) -> Response:
    """Give the page as an answer, with a policy that lets it load nothing and run nothing."""
    response = Response(html, mimetype="text/html")
    response.headers["Content-Security-Policy"] = _POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _section(method: str, path: str, operation: Mapping[str, Any]) -> Section:
    (status, answered), *refusals = operation["responses"].items()
    schema = answered.get("content", {}).get("application/json", {}).get("schema")
    return Section(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        who=operation["description"],
        fields=list(_fields(operation)),
        answer=status if schema is None else f"{status} {_kind(schema)}",
        refusals=", ".join(code for code, _ in refusals),
    )


def _fields(operation: Mapping[str, Any]) -> Iterator[Field]:
    for parameter in operation["parameters"]:
        schema = parameter["schema"]
        description = parameter.get("description") or schema.get("description", "")
        yield Field(parameter["name"], _kind(schema), parameter["required"], description)
    content = operation.get("requestBody", {}).get("content", {})
    if content:
        yield from _members(content["application/json"]["schema"])


def _objects(document: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Field]]]:
    for name, schema in document["components"]["schemas"].items():
        if schema.get("type") == "object":
            yield name, list(_members(schema))


def _words(document: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[str]]]:
    for name, schema in document["components"]["schemas"].items():
        if "enum" in schema:
            yield name, schema["enum"]


def _members(schema: Mapping[str, Any]) -> Iterator[Field]:
    needed = schema.get("required", ())
    for name, member in schema["properties"].items():
        yield Field(name, _kind(member), name in needed, member.get("description", ""))


def _kind(schema: Mapping[str, Any]) -> str:
    """Give the type of a value in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    if "anyOf" in schema:
        return " | ".join(_kind(choice) for choice in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_kind(schema['items'])}"
    kind = schema.get("type", "")
    return str(schema.get("format") or (kind if isinstance(kind, str) else " | ".join(kind)))
