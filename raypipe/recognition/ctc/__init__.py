"""CTC recognizers: the network, and how its output becomes text."""
