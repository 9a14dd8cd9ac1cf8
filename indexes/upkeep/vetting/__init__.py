"""What strangers may have made: looked at before anything of it is believed or put in place."""
