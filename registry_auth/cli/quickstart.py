"""`registry-auth quickstart`."""

import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import click

from registry_auth.cli.context import opened_services
from registry_auth.quickstart.running import Running, answers, started, wait_for_end, wait_until
from registry_auth.quickstart.sample import PROJECT, Sample, sample
from registry_auth.quickstart.stock_registry import (
    HOW_TO_GET_ONE,
    RegistrySetup,
    StockRegistry,
    registry_environment,
    stock_registry,
)
from registry_auth.services import utc_now
from registry_auth.serving import check_port_free, prepare_installation, set_default_external_url
from registry_auth.settings import load_settings
from registry_auth.token_validity import TokenState

_HOST = "127.0.0.1"
_SERVER_TIMEOUT = 30  # seconds
_REGISTRY_TIMEOUT = 300  # seconds; an image may have to be pulled


@click.command()
@click.option("--port", default=5001, show_default=True, type=click.IntRange(1, 65_535), help="Port of the token server.")
@click.option("--registry-port", default=5000, show_default=True, type=click.IntRange(1, 65_535), help="Port of the registry.")
def quickstart(port: int, registry_port: int) -> None:
    """Start this server and a stock registry with it, to try them out.

    The first run makes a sample project with a deploy token. Ctrl-C stops both; what they keep stays for the next run.
    """
    check_port_free(_HOST, port, "--port (make run PORT=...)")
    check_port_free(_HOST, registry_port, "--registry-port (make run REGISTRY_PORT=...)")
    set_default_external_url(port)
    prepare_installation()
    with opened_services() as services:
        settings = load_settings()
        setup = RegistrySetup(registry_port, settings, services.keys.directory.bundle, settings.data_dir)
        registry = stock_registry(setup)
        # Not without a registry: the secret would be shown to nobody who can use it.
        made = sample(services, utc_now()) if registry is not None else None
    with _interruptible(), ExitStack() as stack:
        programs = [stack.enter_context(_server(port))]
        wait_until(lambda: answers(f"http://{_HOST}:{port}/-/readiness", 200), programs[0], _SERVER_TIMEOUT)
        if registry is not None:
            if registry.is_image:
                click.echo(f"Starting {registry.name}; Docker pulls it first if it is not here.")
            programs.append(stack.enter_context(_registry(registry, setup)))
            wait_until(lambda: answers(f"http://{_HOST}:{registry_port}/v2/", 401), programs[1], _REGISTRY_TIMEOUT)
        _print_welcome(registry, setup, made)
        wait_for_end(programs)


@contextmanager
def _interruptible() -> Iterator[None]:
    """End quietly on Ctrl-C, on SIGTERM and when the terminal is closed."""

    def interrupt(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        click.echo("\nStopped.")


@contextmanager
def _server(port: int) -> Iterator[Running]:
    command = (sys.executable, "-m", "registry_auth", "serve", "--port", str(port))
    with started("The token server", command, os.environ) as program:
        yield program


@contextmanager
def _registry(registry: StockRegistry, setup: RegistrySetup) -> Iterator[Running]:
    with started("The registry", registry.command, registry_environment(), setup.directory / "registry.log") as program:
        yield program


def _print_welcome(registry: StockRegistry | None, setup: RegistrySetup, made: Sample | None) -> None:
    click.echo(f"\nToken server: {setup.settings.external_url}")
    if registry is None:
        click.echo(f"\n{HOW_TO_GET_ONE}")
        click.echo("\nCtrl-C stops it. What it keeps stays for the next run.\n")
        return
    host = f"{_HOST}:{setup.port}"
    click.echo(f"Registry:     {host} ({registry.name}, log in {setup.directory / 'registry.log'})")
    click.echo()
    for line in _lines_to_paste(host, made):
        click.echo(line)
    click.echo("\nCtrl-C stops both. What they keep stays for the next run.\n")


def _lines_to_paste(host: str, made: Sample | None) -> Sequence[str]:
    if made is None:
        return (f"The sample project is gone; `{_command()} project list` shows what there is.",)
    username = made.token.username
    if made.secret is not None:
        secret, comment = made.secret.get_secret_value(), f"The secret is shown only now; it expires on {made.token.expires_at}."
    else:
        secret, comment = "SECRET", _how_to_get_a_secret(made)
    return (
        f"The sample project is {PROJECT}. {comment}",
        "",
        f"  echo '{secret}' | docker login {host} --username '{username}' --password-stdin",
        f"  docker pull busybox && docker tag busybox {host}/{PROJECT}:1",
        f"  docker push {host}/{PROJECT}:1",
        f"  docker pull {host}/{PROJECT}:1",
    )


def _how_to_get_a_secret(made: Sample) -> str:
    if made.token.state(utc_now()) is TokenState.ACTIVE:
        return f"Its secret was shown in the first run; for a new one: {_command()} deploy-token rotate {made.token.id}"
    scopes = "--scope read_registry --scope write_registry"
    return f"Its deploy token has ended; for another: {_command()} deploy-token create --project {PROJECT} --name quickstart {scopes}"


def _command() -> str:
    """How the user reaches this command line."""
    program = Path(sys.argv[0])
    return os.path.relpath(program) if program.name == "registry-auth" else "registry-auth"
