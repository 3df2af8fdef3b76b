"""GOOSE (IEC 61850-8-1, clause 18): own frames, supervised subscription, publisher; no C code."""
