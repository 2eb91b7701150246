"""V-REx: the mean of the risks, and β times their variance over environments."""

LABEL = "V-REx"
REFERENCE = "Krueger et al. 2021, equation 8"
# Parameters with their defaults: keys of the method in a config, and columns of the tables.
PARAMS = {"beta": 10.0}


def value(parameters, problem):
    """What is minimised, one number a run (run,); the engine differentiates it."""
    risks = problem.risks(parameters)  # one a pair of environment and run: (pair,)
    mean = problem.mean(risks)  # over a run's environments: (run,)
    deviations = risks - problem.spread(mean)
    return mean + problem.params["beta"] * problem.mean(deviations**2)
