"""Reads SCL files: XML under bounds, then one module for each section of IEC 61850-6."""
