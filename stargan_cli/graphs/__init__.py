"""The generator as a graph that other runtimes execute."""
