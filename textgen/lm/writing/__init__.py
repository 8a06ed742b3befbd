"""New text: how it is drawn, shaped and chosen."""
