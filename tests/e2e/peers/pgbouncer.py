"""pgbouncer in front of a PostgreSQL, which gives each transaction any of its connections."""

from pathlib import Path

from .availability import program
from .postgresql import PostgresCluster, name_of
from .processes import Command
from .unprivileged import UnprivilegedServer, as_unprivileged


class PgBouncer(UnprivilegedServer):
    """A pgbouncer on a port of 127.0.0.1, with a few connections to each database of `cluster`; it starts without the cluster too."""

    def __init__(self, directory: Path, cluster: PostgresCluster, pool_size: int = 5) -> None:
        super().__init__(directory, "pgbouncer.log")
        self._cluster = cluster
        self._pool_size = pool_size

    def url(self, database: str) -> str:
        """Return the address of a database of the cluster at the pgbouncer, with the password in it."""
        return f"postgresql+psycopg://{self._cluster.user}:{self._cluster.password}@{self.host}/{name_of(database)}"

    def _command(self) -> Command:
        users = self.write("users.txt", f'"{self._cluster.user}" "{self._cluster.password}"\n')
        configuration = f"""\
[databases]
* = host=127.0.0.1 port={self._cluster.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {self.port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = transaction
default_pool_size = {self._pool_size}
max_client_conn = 200
"""
        return as_unprivileged([program("pgbouncer"), self.write("pgbouncer.ini", configuration)])
