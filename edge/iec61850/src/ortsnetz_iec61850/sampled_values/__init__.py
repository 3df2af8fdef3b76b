"""Sampled Values: frames, the receiver's process, a faithful publisher."""
