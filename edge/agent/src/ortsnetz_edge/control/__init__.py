"""Control: who may have how much, in steps the device takes, with a reason, and safe when blind."""
