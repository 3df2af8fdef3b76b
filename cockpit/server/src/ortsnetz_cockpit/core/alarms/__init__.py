"""Alarms (IEC 62682) and interventions, derived from the transactional log."""
