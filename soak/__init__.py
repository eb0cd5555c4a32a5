"""Load with faults for minutes or hours, and the proof that nothing grows meanwhile: `make soak`."""
