"""Entries of the glossary: what is measured of a model."""

from __future__ import annotations

from cu_core.catalogue.glossary.term import Term, TermFamily

METRIC_TERMS = TermFamily(
    "metrics",
    "Metrics",
    (
        Term(
            "accuracy",
            "Accuracy",
            "Share of samples that the model classifies as labelled: of forget, retain or unseen samples.",
            "A lower forget accuracy is not better: below that of the references the model is worse than one that "
            "never saw the samples. Nor does accuracy 0 mean that the features are gone.",
            "Curves on Run, columns on Compare, each beside the reference. Encoders are judged by a vote of the "
            "nearest retain samples.",
            pages=("run", "compare"),
            formula=r"a_g=\frac1{|g|}\sum_{(x,y)\in g}\mathbb 1\big[\arg\max_k z_k(x)=y\big]",
            aliases=(
                "forget accuracy",
                "retain accuracy",
                "unseen accuracy",
                "unseen accuracy, forgotten classes",
                "unseen accuracy, other classes",
                "true-label accuracy on forget set",
                "accuracies",
            ),
            related=("reference", "probe-recovery", "tug-of-war"),
        ),
        Term(
            "tug-of-war",
            "Tug of war",
            "One number for how near the accuracies on forget, retain and unseen samples are to the references': 1 is "
            "like retraining.",
            "It is made of accuracies alone, so a model can have 1 and still know every forgotten sample; and it is "
            "no test, since it does not say how far two references differ.",
            "A column of Compare and a line of the Run page, with an interval.",
            pages=("compare", "run"),
            formula=r"\prod_{g\in\{f,\,r,\,u\}}\Big(1-\big|a_g-a_g^{\ast}\big|\Big)",
            aliases=("ToW",),
            related=("accuracy", "band"),
        ),
        Term(
            "probe-recovery",
            "Probe recovery",
            "Accuracy on unseen samples of the forgotten classes of a linear layer that is fitted anew on the frozen "
            "features and shown all classes.",
            "A high one alone does not accuse: features of a model that never saw the class can tell it as well, so "
            "only the difference to the references counts.",
            "Of runs that forget whole classes: Run and Compare.",
            pages=("run", "compare"),
            aliases=("linear probe",),
            related=("hidden-question", "output-filter", "linear-evaluation"),
        ),
        Term(
            "linear-evaluation",
            "Linear evaluation",
            "Accuracy on unseen samples of a linear classifier that is fitted to the frozen features of retain "
            "samples: how useful an encoder still is.",
            "It says nothing of what was forgotten: unseen samples of forgotten classes are left out.",
            "Of encoders, on Run and Compare.",
            pages=("run", "compare"),
            related=("probe-recovery",),
        ),
        Term(
            "loss",
            "Loss",
            "How surprised the model is by the label, in nats; of encoders, the loss of their own training between "
            "two views.",
            "A low loss is no proof of having been trained on: easy samples have one in every model.",
            "Confidence draws it by sample; Run its mean, forget and unseen.",
            pages=("confidence", "run"),
            formula=r"-\log p_y",
            aliases=("loss, forget", "loss, unseen", "cross-entropy"),
            related=("nats", "loss-gap"),
        ),
        Term(
            "loss-gap",
            "Loss gap",
            "Mean loss of forget samples minus that of unseen samples of the same classes.",
            "Zero is not the target, the reference is: forget samples may be easier or harder by themselves.",
            "Of runs that forget single samples, on Run and Compare.",
            pages=("run", "compare"),
            formula=r"\bar\ell_f-\bar\ell_u",
            aliases=("Loss, forget − unseen",),
            related=("loss", "over-unlearning"),
        ),
        Term(
            "nats",
            "Nats",
            "The unit of a loss or an entropy with the natural logarithm: a loss of 1 nat means that the label got a "
            "probability of 1/e.",
            "They are no bits: 1 bit is 0.69 nats.",
            "On every axis of a loss.",
            pages=("confidence",),
            formula=r"\ell=-\ln p\;\Rightarrow\;p=e^{-\ell}",
            aliases=("nat",),
            related=("loss",),
        ),
        Term(
            "margin",
            "Margin",
            "How far the label is ahead: on Confidence the label's probability minus the best other one, in verdict "
            "and deep audit the log-odds of the label.",
            "The two have different scales: one ends at 1, the other does not end. Neither is the distance to the "
            "boundary, which is measured in the embedding.",
            "Confidence draws the first; the verdict's numbers rest on the second.",
            pages=("confidence", "verdict"),
            formula=r"p_y-\max_{k\ne y}p_k\qquad\text{or}\qquad\varphi=\log\frac{p_y}{1-p_y}"
            r"=z_y-\log\sum_{k\ne y}e^{z_k}",
            aliases=("margins", "log-odds of the label"),
            related=("calibrated", "boundary-distance"),
        ),
        Term(
            "calibrated",
            "Calibrated margin",
            "The margin of a sample minus the mean margin that the references have on the same sample.",
            "It is not the calibration of probabilities: it takes out how hard each sample is by itself.",
            "Behind the verdict's question Remembers.",
            pages=("verdict",),
            formula=r"\varphi_\theta(x)-\frac1K\sum_{k}\varphi_{\theta^{\ast}_k}(x)",
            aliases=("calibrated", "calibrated AUC"),
            related=("margin", "remembers-question"),
        ),
        Term(
            "top-1",
            "Top-1 probability",
            "The highest probability that the model gives any class: how sure it is of its answer, right or wrong.",
            "Sure is not right, and unsure is not forgotten: a reference is often sure of a wrong class for samples "
            "that it never saw.",
            "Confidence by sample; Run its mean, forget and unseen.",
            pages=("confidence", "run"),
            formula=r"\max_k p_k",
            aliases=("top-1 probability, forget", "top-1 probability, unseen", "confidence", "top-3"),
            related=("logits", "margin"),
        ),
        Term(
            "two-view",
            "Two-view cosine",
            "How alike the embeddings of two augmented views of the same image are.",
            "A high one does not mean that the image was trained on: plain images look alike in all their views.",
            "Similarity and Signal space; the EncoderMI attacks read it.",
            pages=("similarity", "signals"),
            formula=r"\cos\big(f(v_1(x)),\,f(v_2(x))\big)",
            aliases=("two-view cosine, forget", "two-view cosine, unseen", "views"),
            related=("encoder-mi", "embedding"),
        ),
        Term(
            "centroid-cosine",
            "Cosine to a class",
            "Mean cosine of forget samples to the middle of the retained samples of their own class, or of the "
            "nearest other one.",
            "Near another class does not mean taken for it: the last layer decides that.",
            "Curves on Run; Similarity shows class against class.",
            pages=("similarity", "run"),
            aliases=("cosine to own class", "cosine to nearest other class", "centroid"),
            related=("embedding",),
        ),
        Term(
            "cka",
            "CKA",
            "How much of the arrangement of samples in a layer is the same in two models, whatever the rotation and "
            "scale: 1 is all of it.",
            "A high CKA does not mean the same answers, and a low one does not mean forgotten.",
            "Layer by layer on Run and Compare; the verdict's question Unchanged rests on it.",
            pages=("run", "compare"),
            formula=r"\frac{\lVert Y^{\top}X\rVert_F^2}{\lVert X^{\top}X\rVert_F\,\lVert Y^{\top}Y\rVert_F}",
            aliases=("linear CKA", "layer similarity"),
            related=("unchanged-question", "weight-distance"),
        ),
        Term(
            "interval",
            "95 % interval",
            "The range of a number over redraws of the samples that it was measured on.",
            "It does not cover another seed, another base model or another fit of an attack, which move the number "
            "further; that is what the band is for.",
            "Whiskers and brackets on Attack, Compare and Run.",
            pages=("attack", "compare"),
            aliases=("confidence interval", "interval", "bootstrap interval"),
            related=("band",),
        ),
        Term(
            "points",
            "Points",
            "Percentage points: the difference of two shares that are given in percent.",
            "From 4 % to 2 % is 2 points less, and half as much.",
            "Wherever two accuracies are compared.",
            pages=("compare",),
            aliases=("percentage points", "forgetting gap"),
            related=("accuracy",),
        ),
        Term(
            "cost",
            "Cost",
            "What a method spent, beside one retraining: processor time, and images that it drew.",
            "Time goes with the machine and with the work beside it; images do not. Neither counts the measuring that "
            "this program does.",
            "Columns of Compare and a line of the Run page.",
            pages=("compare", "run"),
            aliases=("time of retraining", "images of retraining", "seconds"),
            related=("round", "exact-unlearning"),
        ),
    ),
)
