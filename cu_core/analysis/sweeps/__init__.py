"""Methods × hyper-parameters × forget sets × seeds as ordinary runs of one group, and how far they are."""
