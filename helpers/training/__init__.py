"""How a network learns: the loop, its optimiser, how a step is computed and how a network is tested."""
