"""The dependency proxy: image names under a group, the challenge, and the gate that nginx asks about every request."""
