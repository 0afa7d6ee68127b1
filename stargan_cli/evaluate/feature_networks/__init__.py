"""Networks whose features say how near two pictures, or two sets of pictures, are."""
