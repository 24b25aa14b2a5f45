"""`python -m timApp.cli` is `timapp`."""

from timApp.cli import main

if __name__ == "__main__":
    main()
