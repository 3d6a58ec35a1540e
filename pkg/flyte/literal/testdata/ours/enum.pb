

mock