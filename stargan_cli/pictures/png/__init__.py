"""PNG features that Pillow lacks: access to chunks, and 16 bits a channel."""
