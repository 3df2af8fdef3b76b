"""Every driver at once, disconnected at random for minutes: does it recover, and what is left?

make soak-protocols MINUTES=5
"""
