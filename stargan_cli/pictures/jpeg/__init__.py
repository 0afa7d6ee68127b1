"""What a JPEG file holds besides its pixels: segments, other views, and what is stored behind the picture."""
