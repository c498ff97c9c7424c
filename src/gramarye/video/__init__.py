"""Clips: frames in, painted frames out, steady where the film is steady."""
