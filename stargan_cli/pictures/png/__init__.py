"""PNG features that Pillow lacks: access to chunks, 16 bits a channel, and colour chunks as ICC profiles."""
