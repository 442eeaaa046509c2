"""`python -m raypipe`."""

from raypipe.cli.main import main

main()
