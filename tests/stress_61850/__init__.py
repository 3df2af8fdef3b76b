"""An IED under stress: reads, reports and operates at once, connections cut at random.

make stress-61850 SECONDS=3600

Every operate is accounted for: what the clients say of it, what the plant behind the IED says, and
what the IED has counted have to agree. Memory, files and threads of both processes are sampled.
The parts that load libiec61850 run in processes of their own (GPL-3.0-or-later).
"""
