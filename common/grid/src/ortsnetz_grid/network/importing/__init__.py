"""Import of networks: SimBench and pandapower tables to power-grid-model's input data set."""
