"""Carrying bytes: one life-cycle and one write buffer for all transports, over endpoints and drivers."""
