"""What is measured.

Hot: the same credential asks for the same images again and again. Cold: each request comes with another credential, at a server that
remembers what one look-up finds and no more, so that nothing of it is left when it is asked for again.
"""

from collections.abc import Iterator
from itertools import cycle

from benchmarks.asking import hello_request, pull, push, token_request
from benchmarks.cell import Cell
from benchmarks.filling import PUBLIC_PROJECT, Tokens
from benchmarks.installations import Target
from benchmarks.load import Request

HELLO, BARE, HOT, WRONG = "hello", "bare token", "hot, project token", "cold, wrong secret"

_SCOPES = {1: "1 scope", 10: "10 scopes", 60: "60 scopes"}


def cold(size: int) -> str:
    """Give the name of the cell with cold rows in a store of so many tokens."""
    return f"cold, project token of {size:,}"


def group_token(rows: str, count: int) -> str:
    """Give the name of the cell with so many scopes; `rows` is hot or cold."""
    return f"{rows}, group token, {_SCOPES[count]}"


def hello_cells(target: Target, tokens: Tokens) -> list[Cell]:
    """Give the yardsticks: hello with new and with kept connections, and the least that a token takes."""
    number = tokens.of_projects()[0]
    return [
        Cell(HELLO, target, cycle([hello_request()])),
        Cell(f"{HELLO}, kept", target, cycle([hello_request(kept=True)]), kept=True),
        Cell(BARE, target, cycle([token_request(tokens.credentials(number), [push(tokens.project(number))])])),
    ]


def hot_cells(target: Target, tokens: Tokens) -> list[Cell]:
    """Give what is asked for with one credential each."""
    number, team = tokens.of_projects()[0], tokens.of_teams()[0]
    credentials, scope = tokens.credentials(number), push(tokens.project(number))
    requests = {
        HOT: token_request(credentials, [scope]),
        **{group_token("hot", count): _team_request(tokens, team, count) for count in _SCOPES},
        "hot, anonymous": token_request(None, [pull(PUBLIC_PROJECT)]),
    }
    kept = cycle([token_request(credentials, [scope], kept=True)])
    return [*(Cell(name, target, cycle([request])) for name, request in requests.items()), Cell(f"{HOT}, kept", target, kept, kept=True)]


def cold_cell(target: Target, tokens: Tokens) -> Cell:
    """Give what is asked for with project tokens in turn."""
    return Cell(cold(tokens.size), target, good_requests(tokens))


def further_cold_cells(target: Target, tokens: Tokens) -> list[Cell]:
    """Give what is asked for with group tokens in turn, and with secrets that nobody has."""
    cells = [Cell(group_token("cold", count), target, _team_requests(tokens, count)) for count in _SCOPES]
    return [*cells, Cell(WRONG, target, wrong_requests(tokens))]


def good_requests(tokens: Tokens) -> Iterator[Request]:
    """Give requests without end with the tokens of projects in turn, each for its own project.

    Their queries differ even where there are few tokens, so that in stores of all sizes they cost the same to read.
    """
    for count, number in enumerate(cycle(tokens.of_projects())):
        yield token_request(tokens.credentials(number), [push(tokens.project(number))], client=f"docker-{count}")


def wrong_requests(tokens: Tokens) -> Iterator[Request]:
    """Give requests without end, each with another secret that looks like a token's and is none, and from another client."""
    for count, number in enumerate(cycle(tokens.of_projects())):
        credentials = tokens.credentials(number)[0], tokens.secret(f"wrong {count}")
        source = f"127.{1 + count // 62_500 % 250}.{count // 250 % 250}.{1 + count % 250}"
        yield token_request(credentials, [push(tokens.project(number))], status=401, source=source)


def _team_requests(tokens: Tokens, count: int) -> Iterator[Request]:
    return cycle(_team_request(tokens, number, count) for number in tokens.of_teams())


def _team_request(tokens: Tokens, number: int, count: int) -> Request:
    """Ask to push one image and to take layers over from the others, as docker does."""
    first, *others = tokens.team_projects(number, count)
    return token_request(tokens.credentials(number), [push(first), *map(pull, others)])
