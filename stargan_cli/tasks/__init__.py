"""What each subcommand does, callable as a library: no printing, no Typer, no Rich."""
