"""GOOSE: subscriber with supervision, publisher."""
