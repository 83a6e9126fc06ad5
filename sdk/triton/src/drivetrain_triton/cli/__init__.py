"""drivetrain-triton: models, infer and bench on a command line; needs drivetrain-triton[cli]."""
