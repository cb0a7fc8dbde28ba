"""Published result tables as data, the runs that fill them, and the tables filled with runs made here."""
