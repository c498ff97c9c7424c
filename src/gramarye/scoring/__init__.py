"""How near a picture is to its style and its content, and what went wrong in it."""
