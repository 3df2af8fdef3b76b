"""SCL files of IEC 61850-6 (SCD, CID, ICD, IID; editions 1, 2, 2.1) as values that do not change.

`ortsnetz_common.scl.reading.document.read_scl` reads one. What does not fit is a finding with its
line; what is not read is listed; nothing is made up.
"""
