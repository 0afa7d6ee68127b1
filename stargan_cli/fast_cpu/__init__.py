"""The same networks, computed faster on a CPU."""
