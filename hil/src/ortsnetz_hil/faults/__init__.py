"""What can go wrong with meters, devices and wires, on purpose: timed, logged, repeatable."""
