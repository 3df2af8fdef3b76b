"""OPC UA: a client on asyncua, one session for all sources behind one server."""
