"""What a training is asked for: options, files of settings, the place of the model, what is gone on with."""
