"""`registry-auth serve`."""

import logging

import click

from registry_auth.logs import configure_logging
from registry_auth.serving import check_port_free, default_workers, prepare_installation, run_server, set_default_external_url
from registry_auth.settings import load_settings

logger = logging.getLogger(__name__)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5001, show_default=True, type=click.IntRange(1, 65_535), help="Port to listen on.")
@click.option("--workers", type=click.IntRange(1, 256), help="Worker processes; one for each processor, up to 4, unless given.")
def serve(host: str, port: int, workers: int | None) -> None:
    """Run the token server. It migrates the database and makes its keys first."""
    configure_logging()
    set_default_external_url(port)
    prepare_installation()
    check_port_free(host, port, "--port")
    workers = workers or default_workers()
    settings = load_settings()
    logger.info("listening on %s:%d with %d workers; clients are sent to %s", host, port, workers, settings.realm)
    run_server(host, port, workers)
