"""`python -m stargan_cli` and the command `stargan`."""

from __future__ import annotations

from stargan_cli.cli.app import app
from stargan_cli.cli.messages import make_streams_lossless


def main() -> None:
    make_streams_lossless()
    app()


if __name__ == "__main__":
    main()
