"""What Pillow leaves undone of PNG: chunks, 16 bits a channel, and what its chunks say of colours."""
