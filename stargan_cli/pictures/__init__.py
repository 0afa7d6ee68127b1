"""One picture: decoding, colour, formats, encoding, provenance."""
