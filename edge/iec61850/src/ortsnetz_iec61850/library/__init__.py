"""libiec61850 through ctypes: every call at run time releases the interpreter's lock."""
