"""`python -m tracker` is the `tracker` command."""

from .cli import main

if __name__ == "__main__":
    main()
