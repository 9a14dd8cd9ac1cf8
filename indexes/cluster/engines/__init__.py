"""What runs the work of a cluster: processes of this machine, or Ray on many."""
