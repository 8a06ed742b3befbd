"""The course of a training on the screen, from the text to the first sequences that the model writes."""
