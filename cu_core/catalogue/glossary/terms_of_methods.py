"""Entries of the glossary: letters and settings of methods."""

from __future__ import annotations

from cu_core.catalogue.glossary.term import Term, TermFamily

SETTINGS = TermFamily(
    "settings",
    "Letters of methods",
    (
        Term(
            "tau",
            "τ, temperature",
            "Divides similarities or logits before a softmax: smaller is sharper, larger makes answers alike.",
            "It has nothing to do with how fast a method learns.",
            "A setting of contrastive and distilling methods on Launch.",
            pages=("launch",),
            formula=r"p_k\propto e^{z_k/\tau}",
            aliases=("τ", "temperature", "temperature τ"),
            related=("lambda-ul",),
        ),
        Term(
            "lambda-ul",
            "λ_UL and λ_CE",
            "Weights of the two parts of contrastive unlearning's loss: pushing forget samples away from their class "
            "(UL), and staying right on retain samples (CE).",
            "Only their ratio and the learning rate count; a large λ_UL is no better forgetting, it may overshoot.",
            "Settings of contrastive unlearning on Launch.",
            pages=("launch",),
            formula=r"L=\lambda_{UL}\,L_{UL}+\lambda_{CE}\,L_{CE}",
            aliases=("λ_UL", "λ_CE", "weight λ_UL", "weight λ_CE"),
            related=("omega", "over-unlearning"),
        ),
        Term(
            "omega",
            "ω, retain batches",
            "How many fresh batches of retain samples go with each batch of forget samples.",
            "More is not only gentler, it is dearer: each batch is a step's work.",
            "A setting of contrastive unlearning on Launch.",
            pages=("launch",),
            aliases=("ω", "retain batches ω"),
            related=("lambda-ul", "cost"),
        ),
        Term(
            "weights-of-losses",
            "α, β, γ and λ as weights",
            "How much one part of a method's loss counts against the others, or how strongly it works; each paper has "
            "its own letters.",
            "The same letter in two methods is not the same thing, and values do not carry over.",
            "Settings of many methods on Launch; the text beside each says of what it is the weight.",
            pages=("launch",),
            formula=r"L=\sum_i\lambda_i\,L_i",
            aliases=("α", "β", "γ", "λ", "weight α", "weight β", "weight γ", "weight λ"),
            related=("lambda-ul",),
        ),
        Term(
            "sigma",
            "σ, noise",
            "Standard deviation of noise that a method adds, to images or to weights.",
            "Noise hides as well as it harms; that it was added proves nothing by itself.",
            "Settings of JiT and of Rewind to delete on Launch.",
            pages=("launch",),
            aliases=("σ", "noise σ"),
            related=("epsilon-delta",),
        ),
        Term(
            "epsilon-bound",
            "ε as a bound",
            "How far an adversarial example may lie from its image, in the values of pixels.",
            "It is not the ε of a guarantee, which bounds what an attacker can learn.",
            "Settings of Boundary Shrink and AMUN on Launch.",
            pages=("launch",),
            formula=r"\lVert x'-x\rVert\le\varepsilon",
            aliases=("ε", "attack bound ε", "first radius ε"),
            related=("epsilon-delta",),
        ),
        Term(
            "delta-setting",
            "δ",
            "In a guarantee the probability with which it may fail; in MU-Mis the share of the former sensitivity at "
            "which the method ends.",
            "A small δ is no small loss of privacy: where the assumptions of the proof fail, it says nothing.",
            "Settings of L-CODEC and MU-Mis on Launch.",
            pages=("launch",),
            aliases=("δ", "recovery δ"),
            related=("epsilon-delta",),
        ),
        Term(
            "learning-rate",
            "Learning rate",
            "How far the weights go in one step.",
            "The one that trained the model is not the one that unlearns it well; most methods are sensitive to it.",
            "A setting of nearly every method on Launch; Sweep tunes it.",
            pages=("launch", "sweep"),
            formula=r"\theta\leftarrow\theta-\eta\,\nabla L",
            aliases=("step size",),
            related=("weights-of-losses",),
        ),
    ),
)
