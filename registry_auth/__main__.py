"""`python -m registry_auth`: the same as the command `registry-auth`."""

from registry_auth.cli import main

main()
