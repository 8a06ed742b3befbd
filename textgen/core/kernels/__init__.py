"""The loops between the products: activations, softmax, dropout, drawing, updates."""
