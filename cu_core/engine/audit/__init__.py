"""The audit of a finished run: membership attacks on the model before and after unlearning and on the reference.

`samples` draws who is attacked, `measure` asks a model about them, `ways` fits and scores one attack, `plan` puts
these together for the engine. The attacks themselves are in `cu_core.metrics.attacks`.
"""
