"""Modbus devices to be asked: one written here after the specification, one on libmodbus."""
