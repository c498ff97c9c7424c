"""What `gramarye.images` is made of: opening, decoding, colour profiles, metadata, encoding."""
