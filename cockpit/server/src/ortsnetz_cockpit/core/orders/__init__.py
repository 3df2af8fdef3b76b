"""Orders to nodes: kept in the registry, sent until the node has answered, followed in the log."""
