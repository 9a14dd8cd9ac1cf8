"""Network architectures, one a file: nn.Module and nothing else."""
