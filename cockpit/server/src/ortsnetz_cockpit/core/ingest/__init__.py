"""Ingest: what nodes send is checked, committed once and answered with the watermark."""
