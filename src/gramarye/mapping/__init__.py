"""Maps of the content's colors, which the optimizer moves in place of pixels."""
