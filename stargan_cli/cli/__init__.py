"""Talking to people: the only place that knows Typer and Rich."""
