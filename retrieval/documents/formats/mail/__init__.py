"""Mail (RFC 5322, MIME): one message, a mailbox of many, a page saved as MHT → text."""
