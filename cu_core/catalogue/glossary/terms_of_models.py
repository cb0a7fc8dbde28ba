"""Entries of the glossary: models, references, runs and how they end."""

from __future__ import annotations

from cu_core.catalogue.glossary.term import Term, TermFamily

MODELS = TermFamily(
    "models",
    "Models and runs",
    (
        Term(
            "base-model",
            "Base model",
            "The trained model before unlearning, which has seen forget and retain samples alike.",
            "It is no target: a model that stays near it on forget samples has not forgotten them.",
            "Round 0 of every curve; called before where two models stand side by side.",
            pages=("run",),
            formula=r"\theta_0=A(D)",
            aliases=("before", "round 0", "model before unlearning", "original model"),
            related=("reference", "round"),
        ),
        Term(
            "reference",
            "Reference",
            "A model that was trained from scratch by the same recipe on the retain samples alone: the target that "
            "every number is read beside.",
            "One reference is not the truth: another seed gives another one, and only several say how far honest "
            "models differ.",
            "Drawn in purple with a square on every page; how many are trained is a setting on Launch.",
            pages=("launch", "compare"),
            formula=r"\theta^{\ast}=A(D\setminus D_f)",
            picture="seeds-and-band",
            aliases=("references", "retrained", "retrained model", "retraining", "retrained from scratch"),
            related=("band", "seed", "weight-distance"),
        ),
        Term(
            "band",
            "Band",
            "The range in which one more reference would lie with 95 % certainty: what a different seed alone can do.",
            "It is no range of good values and no confidence interval of the mean; with few references it is wide, "
            "because little is known.",
            "Shaded beside curves; Compare gives every number's distance to the references' mean in half widths of it.",
            pages=("compare", "run"),
            formula=r"\bar r\;\pm\;t_{0.975,\,K-1}\;s\,\sqrt{1+\tfrac1K}",
            picture="seeds-and-band",
            aliases=("noise band", "retrained band", "prediction band", "half widths", "band of the references"),
            related=("reference", "seed", "nearness"),
        ),
        Term(
            "seed",
            "Seed",
            "The number that fixes everything random: first weights, order of the batches, noise.",
            "The same seed gives the same numbers on the same machine; another processor or library may round "
            "otherwise and end elsewhere.",
            "A setting on Launch; Sweep repeats a run over several.",
            pages=("launch", "sweep"),
            aliases=("seeds", "single seeds"),
            related=("band",),
        ),
        Term(
            "method",
            "Method",
            "An unlearning algorithm: what is done to the weights in each round.",
            "Its paper's numbers are not its numbers here: data, network and settings decide as much as the method.",
            "Chosen on Launch; what each needs and where each fails stands beside it.",
            pages=("launch", "compare"),
            aliases=("methods", "unlearning method"),
            related=("round", "output-filter"),
        ),
        Term(
            "round",
            "Round",
            "One pass of a method over the forget set; methods that work in one step have one.",
            "Rounds of two methods are not equally much work; compare cost by images or time.",
            "The axis of every curve; the scrubber on Drift chooses one.",
            pages=("run", "drift"),
            aliases=("rounds", "one shot", "passes", "passes, forget", "passes, retain"),
            related=("method", "cost"),
        ),
        Term(
            "run",
            "Run",
            "One specification with everything that came out of it: rounds, references, attacks, verdict.",
            "One run is one seed: what it shows need not hold for the method in general.",
            "A row on Runs, and the subject of every page below One run.",
            pages=("runs", "run"),
            aliases=("runs", "specification"),
            related=("seed", "method"),
        ),
        Term(
            "stopping-rule",
            "Stopping rule",
            "What ends unlearning: an accuracy of the forget samples that is low enough, or likeness to references.",
            "That the rule was met does not mean that the model has forgotten: accuracy is fooled by models that were "
            "stopped on the doorstep.",
            "A setting on Launch; its level is drawn into the curves of the Run page.",
            pages=("launch", "run"),
            formula=r"\text{class: } a_{\text{unseen},f}\le\tfrac1C\qquad\text{sample: } a_f\le a_{\text{unseen}}"
            r"\qquad\text{chance: } a_f\le\tfrac1C",
            aliases=("class rule", "sample rule", "chance rule", "stop rule"),
            related=("like-reference", "held-out", "collapse-guard"),
        ),
        Term(
            "like-reference",
            "Like reference",
            "A stopping rule that ends a run at the first round whose margin, position and odds all lie within the "
            "band of one more reference.",
            "It rests on three numbers: a model within the band by them may differ by others, which the verdict asks.",
            "A choice of the stopping rule on Launch; it trains the references first.",
            pages=("launch",),
            formula=r"\max_{q}\;\frac{|q-\bar r_q|}{h_q}\;\le\;1",
            related=("nearness", "band", "stopping-rule"),
        ),
        Term(
            "nearness",
            "Nearness",
            "How far a round is from retraining: the largest of three numbers' distances to the references, in half "
            "widths of their band.",
            "Below 1 it could be one more reference by these three; it is not thereby one.",
            "A curve on the Run page, with the nearest round marked.",
            pages=("run",),
            formula=r"\max_{q\in\{\text{margin, position, odds}\}}\frac{|q-\bar r_q|}{h_q}",
            aliases=("nearest round", "distance to retraining", "position"),
            related=("like-reference", "band"),
        ),
        Term(
            "collapse-guard",
            "Collapse guard",
            "Ends a run whose retain accuracy has fallen by more than a set amount since round 0.",
            "A run that it did not end is not thereby harmless: single classes may have fallen further than the whole.",
            "A setting on Launch; the Run page says so where it ended a run.",
            pages=("launch", "run"),
            aliases=("collapse", "collapsed"),
            related=("stopping-rule", "others-question"),
        ),
        Term(
            "over-unlearning",
            "Over-unlearning",
            "Forget samples look less known than to any reference: wrong more often, with a higher loss, told from "
            "unseen samples by being worse.",
            "It is not better forgetting: samples that are known too badly are as easy to find as samples that are "
            "known too well.",
            "Flagged on Run and Compare, against the references' band, on the side of too much forgetting alone.",
            pages=("run", "compare"),
            aliases=("over-unlearned", "too far", "overshoot"),
            related=("band", "auc", "remembers-question"),
        ),
        Term(
            "relearning",
            "Relearning",
            "Training an unlearned model for a few steps on retained samples alone, to see whether what was forgotten "
            "comes back.",
            "What a few steps do not bring back may come back in many, or with one forgotten sample among them.",
            "The verdict's question Comes back, with references that are trained on as well.",
            pages=("verdict",),
            aliases=("relearned", "relearning speed"),
            related=("comes-back-question", "hidden-question"),
        ),
        Term(
            "output-filter",
            "Output filter",
            "A rule that forbids an answer instead of forgetting: the forgotten classes can no longer be named.",
            "Suppression is not unlearning: all embeddings stay as they were, and whoever looks behind the last layer "
            "finds the class at once.",
            "A method on Launch, as a warning example beside others.",
            pages=("launch", "compare"),
            aliases=("filter", "suppression", "hiding"),
            related=("hidden-question", "probe-recovery"),
        ),
        Term(
            "exact-unlearning",
            "Exact and approximate unlearning",
            "Exact unlearning trains again without the data, all of the model or the shards that saw it; everything "
            "else is approximate and has to be measured.",
            "Approximate unlearning is not always cheaper than retraining: on small networks a few passes over the "
            "retain samples cost as much.",
            "Retrain and SISA are exact; Compare gives the cost of every method beside that of retraining.",
            pages=("compare", "launch"),
            aliases=("exact unlearning", "approximate unlearning"),
            related=("cost", "reference"),
        ),
        Term(
            "epsilon-delta",
            "(ε, δ) guarantee",
            "A proof that no test tells the unlearned model from a retrained one by more than a factor of e to the ε, "
            "but for a probability of δ.",
            "Such proofs assume a smooth loss whose constants are known, most of them one with a single minimum; of a "
            "deep network nobody knows the constants, so there the formula can be computed and promises nothing.",
            "L-CODEC and Rewind to delete can add noise to the weights as such proofs ask for; what their models give "
            "away is measured as for all others.",
            pages=("launch", "verdict"),
            formula=r"\Pr[U\in S]\le e^{\varepsilon}\,\Pr[A(D\setminus D_f)\in S]+\delta",
            picture="one-minimum",
            aliases=("certified unlearning", "guarantee", "privacy ε", "privacy δ"),
            related=("exact-unlearning", "verdict"),
        ),
        Term(
            "weight-distance",
            "Distance of weights",
            "How far the weights of two models lie apart, read one by one.",
            "A small distance to a retrained model does not mean unlearned, nor a large one the opposite: the base "
            "model may lie nearer to a reference than two references to each other, and reordered neurons are far "
            "away and the same model.",
            "Not reported as a number of success; the verdict compares answers and layers instead.",
            pages=("verdict",),
            formula=r"\lVert\theta-\theta^{\ast}\rVert_2",
            picture="weight-distance",
            aliases=("weight distance",),
            related=("reference", "cka", "unchanged-question"),
        ),
    ),
)
