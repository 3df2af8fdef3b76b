"""The plant: a three-phase network, its customers and its devices, solved by power-grid-model."""
