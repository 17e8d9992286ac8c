"""What a network is before training: its steps, its parameters, what its units see, how two differ."""
