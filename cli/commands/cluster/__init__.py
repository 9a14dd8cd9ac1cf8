"""retrieve cluster: one collection in many, on several machines."""
