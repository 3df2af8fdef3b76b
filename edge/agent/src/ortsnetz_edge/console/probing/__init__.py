"""`ortsnetz edge probe`: look at one device of any protocol, and write with consent."""
