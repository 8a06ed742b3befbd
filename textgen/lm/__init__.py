"""Language models: configuration, the network, model files, training, sampling and scoring."""
