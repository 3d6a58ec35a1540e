:
shine
mock