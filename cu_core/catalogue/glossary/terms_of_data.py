"""Entries of the glossary: samples, and what is said of one."""

from __future__ import annotations

from cu_core.catalogue.glossary.term import Term, TermFamily

DATA = TermFamily(
    "data",
    "Data",
    (
        Term(
            "unlearning",
            "Machine unlearning",
            "Changing a trained model so that it becomes one that might as well never have seen some of its training "
            "data, without training it anew.",
            "Deleting a row from the data set deletes nothing from a model that was trained on it: what the row "
            "taught lies in all the weights, mixed with what all other rows taught.",
            "Every run does it once; the Run page follows it round by round.",
            pages=("run", "launch"),
            formula=r"U\big(A(D),\,D_f\big)\;\approx\;A(D\setminus D_f)\quad\text{in distribution}",
            picture="row-and-weights",
            aliases=("unlearning", "forgetting", "to forget"),
            related=("reference", "forget", "class-and-sample"),
        ),
        Term(
            "forget",
            "Forget samples",
            "The training samples that the model is to unlearn.",
            "The goal is not to be wrong on them: a model that never saw them is often right on them as well.",
            "Chosen on Launch; drawn in vermilion with a cross on every page.",
            pages=("launch", "drift"),
            formula=r"D_f\subset D",
            aliases=("forget", "forget set", "forgotten samples", "forgotten"),
            related=("retain", "unseen", "reference"),
        ),
        Term(
            "retain",
            "Retain samples",
            "All other training samples, which the model is to go on knowing.",
            "They are not safe because nobody asked to forget them: unlearning moves weights that all samples share, "
            "and the ones nearest to the forget samples are hit first.",
            "Drawn in blue with a circle on every page; the verdict asks whether they were harmed.",
            pages=("drift", "verdict"),
            formula=r"D_r=D\setminus D_f",
            picture="retained-neighbours",
            aliases=("retain", "retain set", "retained samples", "retained"),
            related=("forget", "others-question", "dragged-along"),
        ),
        Term(
            "unseen",
            "Unseen samples",
            "Test samples, which neither the model nor its references were ever trained on.",
            "Unseen is not unknown: a good model is right on most of them, which is why forgotten samples that are "
            "treated like them are still answered rightly.",
            "Drawn in green with a diamond on every page.",
            pages=("confidence", "attack"),
            aliases=("unseen", "test samples"),
            related=("forget", "held-out"),
        ),
        Term(
            "class-and-sample",
            "Class and sample forgetting",
            "Either all samples of some classes are forgotten, or single samples whose classes stay.",
            "They are not alike: without a class nobody can name it, so accuracy falls to about nothing; without "
            "single samples the class is still known, so accuracy falls to that on unseen samples and no further.",
            "Follows from the forget set on Launch; metrics, stopping rules and attacks differ between the two.",
            pages=("launch",),
            picture="class-and-sample",
            aliases=("class forgetting", "sample forgetting", "whole classes", "random samples"),
            related=("accuracy", "stopping-rule"),
        ),
        Term(
            "chosen-samples",
            "Ways to choose samples",
            "A forget set can be drawn at random, listed in a file or by name, or made of samples that are special: "
            "wrongly labelled, known by heart, nearly alike, or one of a pair.",
            "A special forget set is easier or harder than a random one by itself, so numbers of two kinds of forget "
            "set are not comparable; the reference beside each is.",
            "The list of forget sets on Launch; each shows which samples it means before anything starts.",
            pages=("launch",),
            aliases=(
                "random share",
                "from a file",
                "by name",
                "mislabelled",
                "most memorised",
                "near duplicates",
                "one of two drawings",
            ),
            related=("class-and-sample", "forget"),
        ),
        Term(
            "held-out",
            "Held-out",
            "The stopping rule looks at other forget and unseen samples than those whose numbers are reported.",
            "It does not mean that the model was not trained on them: held-out forget samples are forget samples, "
            "kept apart from the rule only.",
            "The stopping protocol on Launch. The other choice, paper, lets the rule look at everything, which stops "
            "a run where it looks best on just these samples.",
            pages=("launch",),
            aliases=("held-out protocol", "protocol"),
            related=("stopping-rule", "probe"),
        ),
        Term(
            "probe",
            "Probe samples",
            "The fixed samples whose signals are recorded in every round.",
            "They are not all samples: curves are of these, and each says its n. A linear probe is something else: a "
            "layer that is fitted anew, see probe recovery.",
            "Its size is a setting on Launch; Drift, Confidence, Similarity and Signal space draw it.",
            pages=("drift", "confidence"),
            aliases=("probe", "recorded samples", "probe size"),
            related=("signal", "round"),
        ),
        Term(
            "signal",
            "Signal",
            "A number or vector that a model gives for one sample: embedding, logits, probabilities, loss, margin or "
            "two-view cosine.",
            "It says nothing by itself about having been trained on: hard samples have high losses in every model.",
            "Recorded for the probe in every round; Signal space shows three of them at once.",
            pages=("signals", "confidence"),
            aliases=("signals",),
            related=("probe", "margin", "loss", "embedding"),
        ),
        Term(
            "embedding",
            "Embedding",
            "The vector that the last layer reads: what the network made of an image before it names a class.",
            "Two networks that were trained alike have different embeddings of the same image, turned and mirrored "
            "against each other, and still mean the same.",
            "Drift draws it; Similarity measures angles between embeddings.",
            pages=("drift", "similarity"),
            formula=r"e=f_\theta(x)\in\mathbb R^{d}",
            aliases=("embeddings", "features", "trunk features"),
            related=("procrustes", "boundary-distance"),
        ),
        Term(
            "logits",
            "Logits",
            "The numbers that the last layer gives, one a class, before they are made into probabilities.",
            "They are no probabilities and have no scale of their own: doubling them all changes no prediction.",
            "Confidence shows the probabilities that they make.",
            pages=("confidence",),
            formula=r"p_k=\frac{e^{z_k}}{\sum_j e^{z_j}}",
            aliases=("logit", "log-odds", "odds"),
            related=("margin", "top-1"),
        ),
    ),
)
