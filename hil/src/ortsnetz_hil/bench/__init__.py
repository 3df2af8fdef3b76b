"""A bench run: prepares, starts what is connected, keeps time, observes, asks for the verdict."""
