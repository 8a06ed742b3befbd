"""What a trained model is used for: scoring, evaluation, sampling."""
