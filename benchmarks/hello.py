"""The yardstick: a Flask application that does nothing, on the production web server: `python -m benchmarks.hello`."""

import click
from flask import Flask

from registry_auth.serving import run_server


def hello() -> Flask:
    """Give an application with one address, which answers with one short text."""
    app = Flask("hello", static_folder=None)
    app.add_url_rule("/", "hello", lambda: "Hello, World!")
    return app


@click.command()
@click.option("--port", required=True, type=int)
@click.option("--workers", required=True, type=int)
def main(port: int, workers: int) -> None:
    """Serve it as `registry-auth serve` serves the token server."""
    run_server("127.0.0.1", port, workers, "benchmarks.hello:hello")


if __name__ == "__main__":
    main()
