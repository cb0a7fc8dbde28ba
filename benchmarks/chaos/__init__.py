"""Faults injected into real jobs at random moments, and a judge of what must hold afterwards."""
