"""Who is who over all shards: groups, what people say of faces, and what is asked of them."""
