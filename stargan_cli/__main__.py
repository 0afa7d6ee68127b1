"""`python -m stargan_cli` and the command `stargan`."""

from __future__ import annotations

import os
import sys

from stargan_cli.cli.app import app
from stargan_cli.cli.messages import make_streams_lossless, open_closed_streams, say


def main() -> None:
    open_closed_streams()
    make_streams_lossless()
    try:
        os.getcwd()
    except OSError:
        say("error: the folder that you are in is gone")
        sys.exit(2)
    app()


if __name__ == "__main__":
    main()
