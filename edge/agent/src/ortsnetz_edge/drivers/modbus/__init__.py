"""Modbus over TCP, serial lines (RTU) and TLS, on pymodbus; units that share a link."""
