"""What a token is: tokenizers, the vocabulary, packed ids, and the windows that a network reads."""
