"""Hosting: functions run in supervised worker processes, each call with a deadline."""
